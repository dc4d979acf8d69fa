// SPDX-License-Identifier: MIT
// Bars of the bandwidth that rows reach, beside that of the copy.

const lane = {label: 14, gap: 6, bar: 10, pitch: 38, top: 24, bottom: 22};

function describeBandwidth(file, facet) {
    const values = facet.rows.map(row => row.efficiency).filter(value => value !== null);
    const range = values.length
        ? `efficiency from ${number(Math.min(...values))} to ${number(Math.max(...values))}` : 'no efficiency';
    return `${count(facet.rows.length, 'row')}; ${range}; the copy reaches ${number(file.copy_gbps)} GB/s.`;
}

function drawLane(row, top, width, x) {
    const value = `${number(row.gbps)} GB/s`;
    const share = row.efficiency === null ? '' : number(row.efficiency, 2);
    const right = textWidth(value + share, 650) + 22;
    const y = top + lane.label + lane.gap;
    const middle = y + lane.bar / 2;
    const [slow, fast] = [row.max_s, row.min_s].map(time => Math.min(x(row.gbps * row.median_s / time), width));
    const tip = `${row.name}: ${value}, efficiency ${share || 'not known'}, ${duration(row.median_s)} ` +
        `(${duration(row.min_s)} to ${duration(row.max_s)}), ${count(row.repeats, 'repeat')}`;
    return shape('g', {}, shape('title', {}, tip),
        label(0, top + lane.label - 2, fit(row.name + (row.cached ? ' · cached' : ''), width - right), 'halo'),
        shape('text', {x: width, y: top + lane.label - 2, class: 'halo', 'text-anchor': 'end'},
            shape('tspan', {class: 'dim'}, value), shape('tspan', {class: 'strong', dx: 10}, share)),
        ...bar(row, 0, y, Math.min(x(row.gbps), width), lane.bar),
        ...(x(row.gbps) > width ? [label(width - 4, y + lane.bar, '»', 'cut', 'end')] : ['spread-edge', 'spread'].map(kind => line(slow, middle, fast, middle, kind))));
}

function drawBandwidth(file, rows, most, width) {
    const x = value => value / most * width;
    const bottom = lane.top + rows.length * lane.pitch;
    const copy = x(file.copy_gbps);
    const goal = x(0.9 * file.copy_gbps);
    const parts = [];
    for (const tick of ticks(most, width / 90)) {
        const anchor = tick === 0 ? 'start' : x(tick) > width - 16 ? 'end' : 'middle';
        parts.push(line(x(tick), lane.top, x(tick), bottom, 'grid'), label(x(tick), bottom + 15, tickText(tick), 'quiet', anchor));
    }
    rows.forEach((row, i) => {
        const y = lane.top + i * lane.pitch + lane.label + lane.gap;
        parts.push(shape('rect', {class: 'track', x: 0, y, width: copy, height: lane.bar, rx: 2}));
    });
    parts.push(line(goal, lane.top, goal, bottom, 'goal'), line(copy, lane.top, copy, bottom, 'copy'));
    rows.forEach((row, i) => parts.push(drawLane(row, lane.top + i * lane.pitch, width, x)));
    const said = `copy ${number(file.copy_gbps)} GB/s`;
    const from = Math.min(copy + 5, width - textWidth(said));
    parts.push(label(from, 12, said, 'quiet', 'start'), label(Math.min(goal, from) - 8, 12, '0.9 of it', 'quiet', 'end'));
    return {height: bottom + lane.bottom, parts};
}

function bandwidthCharts(file, suite) {
    const rows = file.rows.filter(row => row.suite === suite);
    // Bars of rows that fit in a cache are cut before they make all others short.
    const seen = row => (row.cached ? Math.min(row.gbps, 1.4 * file.copy_gbps) : row.gbps);
    const most = 1.02 * Math.max(file.copy_gbps, ...rows.map(seen));
    return facetsOf(rows).map(facet => chart(`${facet.pass}, ${facet.dtype}`, describeBandwidth(file, facet),
        width => drawBandwidth(file, facet.rows, most, width)));
}
