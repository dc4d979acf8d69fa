// SPDX-License-Identifier: MIT
// The page: what was timed, the whole in a few figures, each suite, and all rows.

function definitions(pairs) {
    return element('dl', {}, pairs.filter(([, text]) => text).map(([term, text]) => [element('dt', {}, term), element('dd', {}, text)]).flat());
}

// What a file says about how it was made and what it lacks, beside its rows.
function notesOf(file) {
    const missing = [file.left_out ?? []].flat().map(item => (typeof item === 'string' ? item
        : `${item.suite} ${item.name}, ${item.pass}, ${item.dtype}: ${item.reason}`));
    const made = typeof file.method === 'string' ? [element('p', {class: 'note'}, `Method: ${file.method}`)] : [];
    return missing.length === 0 ? made : [...made, element('details', {class: 'note'},
        element('summary', {}, `${missing.length} left out`),
        element('ul', {}, missing.map(text => element('li', {}, text))))];
}

function card(file) {
    const {device} = file;
    const date = new Date(file.date);
    const threads = device.threads ? count(device.threads, 'thread') : '';
    return element('section', {class: 'card'}, element('h2', {}, tagOf(file), file.source), definitions([
        ['device', [device.name, threads].filter(Boolean).join(', ')],
        ['driver', device.driver],
        ['date', Number.isNaN(date.getTime()) ? file.date : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`],
        ['copy', file.copy_gbps === null ? 'not measured' : `${number(file.copy_gbps)} GB/s`],
        ['timer', file.timer === 'wall' ? 'wall clock' : 'device timestamps'],
        ['rows', `${count(file.rows.length, 'row')} in ${file.name}`],
    ]), notesOf(file));
}

function figure(value, text) {
    return element('div', {class: 'figure'}, element('b', {}, value), element('span', {}, text));
}

function figures() {
    const found = files.filter(file => file.copy_gbps !== null).flatMap(file => passes.map(pass => {
        const values = efficiencies(file.rows.filter(row => row.pass === pass && row.suite !== 'small'));
        return values.length > 0 && figure(number(geometricMean(values), 2),
            `efficiency of ${file.tag}, ${pass}, over ${count(values.length, 'row')}`);
    }));
    const speeds = others.map(file => {
        const values = leads(file.rows);
        return values.length > 0 && figure(`${number(geometricMean(values))}×`,
            `the speed of ${file.tag}, ${file.source}, over ${count(values.length, 'row')}`);
    });
    return [...found, ...speeds].filter(Boolean);
}

function section(id, title, ...children) {
    return element('section', {id}, element('h2', {}, title), ...children);
}

function facets(title, note, made, legend = () => '') {
    return made.length === 0 ? []
        : [element('h3', {}, title), element('p', {class: 'note'}, note), legend(), element('div', {class: 'facets'}, made)];
}

function suiteSection(suite, place) {
    const scaling = suite === 'scaling';
    const measured = scaling ? files : files.filter(file => file.copy_gbps !== null);
    const parts = measured.flatMap(file => facets(
        scaling ? `How time grows: ${file.tag}, ${file.source}` : `Bandwidth: ${file.tag}, ${file.source}`,
        scaling ? 'Time per element; flat is ideal. Dashed, where the copy was measured: its time for the fewest bytes of an element, at the right.'
            : 'The bar is the bandwidth reached, the grey one that of the copy, the dashed line 0.9 of it; bold: efficiency.',
        scaling ? scalingCharts(file, suite) : bandwidthCharts(file, suite)));
    const note = `A bar is a time as part of the slowest in its row: shorter is faster. Bold: the time as a multiple of ${base.tag}'s.`;
    return section(`suite-${place}`, suite, ...parts, ...facets('Time beside the others', note, peerCharts(suite), filesLegend));
}

function contents() {
    const links = [['overview', 'Overview'], ...suites.map((suite, place) => [`suite-${place}`, suite]), ['all-rows', 'All rows']];
    return element('nav', {'aria-label': 'Contents'},
        element('ul', {}, links.map(([id, text]) => element('li', {}, element('a', {href: `#${id}`}, text)))));
}

document.getElementById('made-by').textContent = `vknorm ${report.vknorm} report`;
document.getElementById('main').append(
    element('div', {class: 'cards'}, files.map(card)), element('div', {class: 'figures'}, figures()), contents(),
    section('overview', 'Overview', element('p', {class: 'note'},
        'Geometric means, with the range in brackets; rows that fit in a cache are left out of efficiencies.'), overview()),
    ...suites.map(suiteSection),
    section('all-rows', 'All rows', element('p', {class: 'note'}, 'A click on a heading sorts.'), ...rowsTable()));
drawCharts();
new ResizeObserver(drawCharts).observe(document.getElementById('main'));
document.documentElement.dataset.ready = 'true';
