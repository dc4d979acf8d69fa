// SPDX-License-Identifier: MIT
// Tables: the overview, and that of all rows, which can be sorted and filtered.

function tagOf(file) {
    return element('span', {class: `tag series-${file.place}`}, file.tag);
}

function scroller(table, name, kind = '') {
    return element('div', {class: `scroll ${kind}`, role: 'region', tabindex: 0, 'aria-label': name}, table);
}

function cell(text, isNumber = true) {
    return element('td', isNumber ? {class: 'number'} : {}, text);
}

// The geometric mean, and from where to where.
function meanText(values, unit = '') {
    if (values.length === 0) {
        return '–';
    }
    const range = values.length > 1 ? `  (${number(Math.min(...values), 2)}–${number(Math.max(...values), 2)})` : '';
    return element('span', {}, element('b', {}, number(geometricMean(values), unit ? 3 : 2) + unit), range);
}

function overview() {
    const measured = files.filter(file => file.copy_gbps !== null);
    const head = ['suite', 'pass', 'rows', ...measured.map(file => `efficiency of ${file.tag}`),
        ...others.map(file => `speed of ${base.tag} over ${file.tag}`)];
    const body = suites.flatMap(suite => passes.map(pass => {
        const within = file => file.rows.filter(row => row.suite === suite && row.pass === pass);
        const works = new Set(files.flatMap(file => within(file).map(row => row.work)));
        return works.size > 0 && element('tr', {}, element('th', {scope: 'row'}, suite), cell(pass, false), cell(String(works.size)),
            measured.map(file => cell(meanText(efficiencies(within(file))))),
            others.map(file => cell(meanText(leads(within(file)), '×'))));
    })).filter(Boolean);
    return scroller(element('table', {},
        element('thead', {}, element('tr', {}, head.map((text, i) => element('th', {scope: 'col', class: i > 1 ? 'number' : ''}, text)))),
        element('tbody', {}, body)), 'Overview');
}

// Title, what sorts, what shows; numbers are right-aligned, and sort from large to small first.
function columns() {
    const text = (title, value) => ({title, value, show: value});
    const figure = (title, value, show) => ({title, value, show, number: true});
    const time = (title, key) => figure(title, row => row[key], row => number(1e3 * row[key], 4));
    const lead = row => (row.file !== base && base.byWork.has(row.work) ? leads([row])[0] : null);
    const recording = row => (row.record_s === undefined ? null : 1e6 * row.record_s);
    const compared = others.length > 0;
    return [
        compared && {...text('file', row => row.file.tag), show: row => tagOf(row.file)},
        text('suite', row => row.suite), text('name', row => row.name), text('pass', row => row.pass),
        text('dtype', row => row.dtype), time('median ms', 'median_s'),
        figure('GB/s', row => row.gbps, row => number(row.gbps)),
        figure('efficiency', row => row.efficiency, row => (row.cached ? '(cached) ' : '') + number(row.efficiency, 2)),
        compared && figure(`over ${base.tag}`, lead, row => (lead(row) === null ? '' : `${number(lead(row))}×`)),
        time('min ms', 'min_s'), time('max ms', 'max_s'),
        figure('elements', elementsOf, row => elementsOf(row).toLocaleString('en-US')),
        allRows.some(row => recording(row) !== null) && figure('record µs', recording, row => number(recording(row))),
    ].filter(Boolean);
}

// Absent numbers stay last, whichever the direction; what is equal keeps its order.
function compareBy(column, descending) {
    return (a, b) => {
        const [left, right] = [column.value(a), column.value(b)];
        if (left === null || right === null) {
            return (left === null) - (right === null);
        }
        const order = column.number ? left - right : left.localeCompare(right, 'en', {numeric: true});
        return (descending ? -order : order) || a.file.place - b.file.place || a.order - b.order;
    };
}

function sortBy(table, list, heading, column) {
    const now = heading.getAttribute('aria-sort');
    const descending = now ? now === 'ascending' : Boolean(column.number);
    table.tHead.querySelectorAll('th').forEach(other => other.removeAttribute('aria-sort'));
    heading.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
    list.sort((a, b) => compareBy(column, descending)(a.row, b.row));
    table.tBodies[0].append(...list.map(item => item.line));
}

function filterBy(list, text, said) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of list) {
        item.line.hidden = !words.every(word => item.text.includes(word));
        shown += !item.line.hidden;
    }
    said.textContent = `${shown.toLocaleString('en-US')} of ${count(list.length, 'row')}`;
}

function rowsTable() {
    const shown = columns();
    const list = allRows.map(row => {
        const made = element('tr', {}, shown.map(column => cell(column.show(row), Boolean(column.number))));
        return {row, line: made, text: `${row.file.tag} ${row.file.source} ${made.textContent} ${row.norm} ${row.layout} ${row.mode}`.toLowerCase()};
    });
    const headings = shown.map(column => element('th', {scope: 'col', class: column.number ? 'number' : ''},
        element('button', {type: 'button'}, column.title)));
    const table = element('table', {id: 'rows'}, element('thead', {}, element('tr', {}, headings)),
        element('tbody', {}, list.map(item => item.line)));
    headings.forEach((heading, i) => heading.firstChild.addEventListener('click', () => sortBy(table, list, heading, shown[i])));
    const said = element('output', {for: 'filter'});
    const input = element('input', {id: 'filter', type: 'search', placeholder: 'bf16 backward', autocomplete: 'off'});
    input.addEventListener('input', () => filterBy(list, input.value, said));
    filterBy(list, '', said);
    return [element('p', {class: 'filter'}, element('label', {for: 'filter'}, 'Only rows with'), input, said),
        scroller(table, 'All rows', 'tall')];
}
