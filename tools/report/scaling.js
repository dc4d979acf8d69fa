// SPDX-License-Identifier: MIT
// Time per element over elements, on logarithmic axes.

const plot = {left: 52, right: 36, top: 12, bottom: 38};

// Marks on a square of 2 by 2 around 0; a colour for each norm, a mark for each series.
const marks = [
    'M-1 0A1 1 0 1 1 1 0A1 1 0 1 1 -1 0Z', 'M-.9 -.9H.9V.9H-.9Z', 'M0 -1.3L1.3 0L0 1.3L-1.3 0Z', 'M0 -1.2L1.2 .9H-1.2Z',
    'M0 1.2L1.2 -.9H-1.2Z', 'M-1.2 0H1.2M0 -1.2V1.2', 'M-1 -1L1 1M-1 1L1 -1', 'M-.6 -1.1H.6L1.2 0L.6 1.1H-.6L-1.2 0Z',
];
const norms = ['batch', 'layer', 'group', 'instance', 'rms'];

// Rows that differ only in their first size make a series.
function seriesOf(rows) {
    const found = new Map();
    for (const row of rows) {
        const key = JSON.stringify([row.norm, row.groups || 0, row.mode, row.layout, row.shape.slice(1)]);
        found.set(key, [...(found.get(key) || []), row]);
    }
    return [...found.values()].map(members => members.sort((a, b) => elementsOf(a) - elementsOf(b)))
        .sort((a, b) => b.length - a.length)
        .map((members, place) => ({members, colour: norms.indexOf(members[0].norm), mark: marks[place % marks.length]}));
}

function nameOf({members: [first, second]}) {
    if (!second) {
        return first.name;
    }
    return first.name.replace(first.shape.join('x'), ['N', ...first.shape.slice(1)].join('×'));
}

function perElement(row) {
    return row.median_s / elementsOf(row);
}

function drawMark(series, x, y) {
    return shape('path', {class: `point series-${series.colour}${series.members.length > 1 ? '' : ' hollow'}`, d: series.mark, transform: `translate(${x} ${y}) scale(4)`,
        'vector-effect': 'non-scaling-stroke', 'stroke-width': 2});
}

// A logarithmic scale that holds the values, a tenth of a decade around them and a whole decade at least, with marks at
// some of 1, 2 and 5 times the powers of ten.
function logScale(values, from, to, factors) {
    const [least, most] = [Math.log10(Math.min(...values)) - 0.1, Math.log10(Math.max(...values)) + 0.1];
    const spare = Math.max(1 - (most - least), 0) / 2;
    const [low, high] = [least - spare, most + spare];
    const scale = value => from + (Math.log10(value) - low) / (high - low) * (to - from);
    const decades = Array.from({length: Math.ceil(high) - Math.floor(low) + 1}, (unused, i) => Math.floor(low) + i);
    const within = value => Math.log10(value) >= low && Math.log10(value) <= high;
    return {scale, marks: decades.flatMap(decade => factors.map(factor => factor * 10 ** decade)).filter(within)};
}

// Where copying takes as long: a line for each number of bytes that the rows must move for an element.
function floorsOf(file, rows) {
    const bytes = new Set(rows.map(row => Number((row.floor_bytes / elementsOf(row)).toPrecision(3))));
    return file.copy_gbps === null ? [] : [...bytes].map(each => ({bytes: each, seconds: each / (1e9 * file.copy_gbps)}));
}

function drawScaling(file, rows, width) {
    const height = Math.round(Math.min(Math.max(width * 0.62, 240), 340));
    const bottom = height - plot.bottom;
    const floors = floorsOf(file, rows);
    const x = logScale(rows.map(elementsOf), plot.left, width - plot.right, [1]);
    const y = logScale([...rows.map(perElement), ...floors.map(floor => floor.seconds)], bottom, plot.top, [1, 2, 5]);
    const parts = [];
    for (const mark of x.marks) {
        const at = x.scale(mark);
        parts.push(line(at, plot.top, at, bottom, 'grid'), label(at, bottom + 15, power(Math.round(Math.log10(mark))), 'quiet', 'middle'));
    }
    for (const mark of y.marks) {
        const at = y.scale(mark);
        parts.push(line(plot.left, at, width - plot.right, at, 'grid'), label(plot.left - 6, at + 4, duration(mark, 1), 'quiet', 'end'));
    }
    for (const floor of floors) {
        const at = y.scale(floor.seconds);
        parts.push(line(plot.left, at, width - plot.right, at, 'floor'),
            label(width - plot.right + 5, at + 4, `${tickText(floor.bytes)} B`, 'quiet'));
    }
    for (const series of seriesOf(rows)) {
        const points = series.members.map(row => [x.scale(elementsOf(row)), y.scale(perElement(row))]);
        parts.push(shape('polyline', {class: `curve series-${series.colour}`, points: points.join(' ')}));
        points.forEach(([left, top], i) => {
            const row = series.members[i];
            const tip = `${row.name}: ${duration(perElement(row))} per element, ${duration(row.median_s)}`;
            parts.push(shape('g', {}, shape('title', {}, tip), drawMark(series, left, top)));
        });
    }
    parts.push(label((plot.left + width - plot.right) / 2, height - 4, 'elements', 'quiet', 'middle'));
    return {height, parts};
}

function describeScaling(rows) {
    return seriesOf(rows).map(series => `${nameOf(series)}: ` + series.members
        .map(row => `${elementsOf(row).toExponential(0)} elements, ${duration(perElement(row))} each`).join('; ')).join('. ');
}

function scalingCharts(file, suite) {
    return facetsOf(file.rows.filter(row => row.suite === suite)).map(facet => {
        const figure = chart(`${facet.pass}, ${facet.dtype}`, describeScaling(facet.rows),
            width => drawScaling(file, facet.rows, width));
        figure.append(element('ul', {class: 'legend'}, seriesOf(facet.rows).map(series => element('li', {},
            shape('svg', {viewBox: '0 0 28 14', 'aria-hidden': 'true'},
                ...(series.members.length > 1 ? [shape('polyline', {class: `curve series-${series.colour}`, points: '0 7 28 7'})] : []),
                drawMark(series, 14, 7)), nameOf(series)))));
        return figure;
    });
}
