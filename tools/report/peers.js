// SPDX-License-Identifier: MIT
// Bars of the times that the files have for the same work.

const peer = {label: 18, bar: 10, pitch: 15, gap: 12, tag: 16};

// The rows of all files that do the work of `row`, the first file's first.
function sameWork(row) {
    return files.map(file => file.byWork.get(row.work)).filter(Boolean);
}

function timeText(row, first) {
    return {time: duration(row.median_s), lead: row === first ? '' : `${number(row.median_s / first.median_s)}×`};
}

function drawTime(row, first, slowest, y, width) {
    const {time, lead} = timeText(row, first);
    const room = width - peer.tag - textWidth(time + lead, 650) - 18;
    const long = Math.max(row.median_s / slowest * room, 1);
    const tip = `${row.file.tag}, ${row.file.source}: ${row.name}, ${time} (${duration(row.min_s)} to ` +
        `${duration(row.max_s)})${lead && `, ${base.tag} is ${lead} as fast`}`;
    const text = shape('text', {x: peer.tag + long + 6, y: y + peer.bar - 1}, time);
    if (lead) {
        text.append(shape('tspan', {class: 'strong', dx: 8}, lead));
    }
    return shape('g', {}, shape('title', {}, tip), label(0, y + peer.bar - 1, row.file.tag, 'quiet strong'),
        ...bar(row, peer.tag, y, long, peer.bar), text);
}

function drawPeers(rows, width) {
    const parts = [];
    let y = 2;
    for (const row of rows) {
        const same = sameWork(row);
        const slowest = Math.max(...same.map(other => other.median_s));
        parts.push(label(0, y + 11, fit(row.name, width, 600), 'strong'));
        y += peer.label;
        for (const other of same) {
            parts.push(drawTime(other, row, slowest, y, width));
            y += peer.pitch;
        }
        y += peer.gap;
    }
    return {height: y - peer.gap + 4, parts};
}

function describePeers(facet) {
    const means = others.map(file => [file, leads(facet.rows.map(row => file.byWork.get(row.work)).filter(Boolean))])
        .filter(([, values]) => values.length > 0)
        .map(([file, values]) => `${base.tag} is ${number(geometricMean(values))} times as fast as ${file.tag}, ` +
            `${file.source}, in the geometric mean of ${count(values.length, 'row')}`);
    return `${means.join('; ')}.`;
}

function peerCharts(suite) {
    const rows = base.rows.filter(row => row.suite === suite && sameWork(row).length > 1);
    return facetsOf(rows).map(facet => chart(`${facet.pass}, ${facet.dtype}`, describePeers(facet),
        width => drawPeers(facet.rows, width)));
}

function filesLegend() {
    return element('ul', {class: 'legend'}, files.map(file => element('li', {}, tagOf(file), file.source)));
}
