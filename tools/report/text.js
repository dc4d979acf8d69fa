// SPDX-License-Identifier: MIT
// Numbers as texts, and elements. What comes from files becomes text nodes and attributes, never markup.
'use strict';

function number(value, digits = 3) {
    if (value === null || value === undefined || !Number.isFinite(value)) {
        return '–';
    }
    const size = Math.floor(Math.log10(Math.abs(value) || 1));
    const decimals = Math.min(Math.max(digits - 1 - size, 0), 12);
    return value.toLocaleString('en-US', {minimumFractionDigits: decimals, maximumFractionDigits: decimals});
}

function duration(seconds, digits = 3) {
    const units = [[1, 's'], [1e-3, 'ms'], [1e-6, 'µs'], [0, 'ns']];
    const [scale, unit] = units.find(([least]) => seconds >= 0.9999 * least);
    return `${number(seconds / (scale || 1e-9), digits)} ${unit}`;
}

function power(exponent) {
    return '10' + String(exponent).replace(/./g, c => '⁰¹²³⁴⁵⁶⁷⁸⁹⁻'['0123456789-'.indexOf(c)]);
}

function count(amount, noun) {
    return `${amount.toLocaleString('en-US')} ${noun}${amount === 1 ? '' : 's'}`;
}

function fill(made, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
        made.setAttribute(name, value);
    }
    made.append(...children.flat());
    return made;
}

// Children are elements and texts.
function element(name, attributes = {}, ...children) {
    return fill(document.createElement(name), attributes, children);
}

function shape(name, attributes = {}, ...children) {
    return fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
}

const pen = document.createElement('canvas').getContext('2d');

// The text, or as much of it as fits into so many pixels.
function fit(text, width, weight = 400) {
    pen.font = `${weight} 12px ${getComputedStyle(document.body).fontFamily}`;
    let end = text.length;
    const cut = () => (end < text.length ? text.slice(0, end) + '…' : text);
    while (end > 1 && pen.measureText(cut()).width > width) {
        end--;
    }
    return cut();
}

function textWidth(text, weight = 400) {
    pen.font = `${weight} 12px ${getComputedStyle(document.body).fontFamily}`;
    return pen.measureText(text).width;
}
