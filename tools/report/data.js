// SPDX-License-Identifier: MIT
// The rows of all files, and what is asked of them.

const report = JSON.parse(document.getElementById('data').textContent);
const dtypes = ['f32', 'f16', 'bf16'];
const passes = ['forward', 'backward'];

const files = report.files.map((file, place) => ({...file, place, tag: 'ABCDEFGH'[place]}));
for (const file of files) {
    file.rows = file.results.map((row, order) => ({...row, file, order}));
    file.byWork = new Map(file.rows.map(row => [row.work, row]));
}
const base = files[0];
const others = files.slice(1);
const allRows = files.flatMap(file => file.rows);
const suites = [...new Set(allRows.map(row => row.suite))];

function elementsOf(row) {
    return row.shape.reduce((product, size) => product * size, 1);
}

function geometricMean(values) {
    return values.length ? Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length) : null;
}

// Efficiencies that tell of memory: what fits in a cache has another limit.
function efficiencies(rows) {
    return rows.filter(row => row.efficiency !== null && !row.cached).map(row => row.efficiency);
}

// How many times as fast the first file is, in each of `rows` of another file that the first has too.
function leads(rows) {
    return rows.filter(row => base.byWork.has(row.work)).map(row => row.median_s / base.byWork.get(row.work).median_s);
}

// The rows by dtype and pass: what one chart shows together.
function facetsOf(rows) {
    return dtypes.flatMap(dtype => passes.map(pass => ({
        dtype, pass, rows: rows.filter(row => row.dtype === dtype && row.pass === pass),
    }))).filter(facet => facet.rows.length > 0);
}
