// SPDX-License-Identifier: MIT
// What charts have in common: a figure that is drawn again when its width changes, axes, and bars.

const charts = [];

// `draw(width)` returns {height, parts}; title and description are read out in the chart's place.
function chart(title, description, draw) {
    const figure = element('figure', {class: 'chart'}, element('figcaption', {}, title));
    charts.push({figure, title, description, draw, width: 0, drawn: null});
    return figure;
}

function drawChart(item, id) {
    const style = getComputedStyle(item.figure);
    const width = Math.floor(item.figure.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
    if (width <= 0 || width === item.width) {
        return;
    }
    item.width = width;
    const {height, parts} = item.draw(width);
    const drawn = shape('svg', {viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-labelledby': `title-${id} desc-${id}`},
        shape('title', {id: `title-${id}`}, item.title), shape('desc', {id: `desc-${id}`}, item.description), ...parts);
    item.drawn?.remove();
    item.drawn = drawn;
    item.figure.querySelector('figcaption').after(drawn);
}

function drawCharts() {
    charts.forEach(drawChart);
}

function line(x1, y1, x2, y2, kind) {
    return shape('line', {x1, y1, x2, y2, class: kind});
}

function label(x, y, text, kind = '', anchor = 'start') {
    return shape('text', {x, y, class: kind, 'text-anchor': anchor}, text);
}

// Round steps from 0 to `most`, about `wanted` of them.
function ticks(most, wanted) {
    const rough = most / wanted;
    const scale = 10 ** Math.floor(Math.log10(rough));
    const step = scale * [1, 2, 5, 10].find(factor => factor * scale >= rough);
    return Array.from({length: Math.floor(most / step) + 1}, (unused, i) => i * step);
}

function tickText(tick) {
    return Number(tick.toPrecision(3)).toLocaleString('en-US', {maximumSignificantDigits: 3});
}

// Stripes beside the colour, for a row that fits in a cache.
function bar(row, x, y, width, height) {
    const long = Math.max(width, 1);
    const parts = [shape('rect', {class: `bar series-${row.file.place}`, x, y, width: long, height, rx: 2})];
    if (row.cached) {
        for (let at = 8; at < long; at += 8) {
            parts.push(line(x + at - 4, y + height, x + at, y, 'stripe'));
        }
    }
    return parts;
}
