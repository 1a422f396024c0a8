// Checks a report in a browser. It is put at the end of a page, and sends the page around it the width of the window, and what it finds as a list in JSON:
// nothing, if all is well.
"use strict";
{
  const findings = [...window.reported];
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const is = (condition, words) => { if (!condition && findings.length < 40) findings.push(words); };
  const isShown = element => element.getClientRects().length > 0;
  const name = element => `${element.tagName} '${element.textContent.trim().slice(0, 40)}'`;

  // Everything is unfolded, as on paper.
  dispatchEvent(new Event("beforeprint"));
  is(all("details").every(folded => folded.open), "on paper some table stays folded");

  // Nothing is cut.
  is(document.documentElement.scrollWidth <= innerWidth, `the page is ${document.documentElement.scrollWidth} px wide, the window ${innerWidth}`);
  for (const table of all("table").filter(isShown)) {
    const edge = table.parentElement.getBoundingClientRect().right + 1;
    const beyond = all("th, td", table).filter(isShown).find(cell => cell.getBoundingClientRect().right > edge || cell.scrollWidth > cell.clientWidth + 1);
    is(!beyond, `table '${table.caption.textContent}': ${beyond && name(beyond)} is cut`);
  }
  for (const figure of all("figure")) {
    const shown = all("svg", figure).filter(isShown);
    is(shown.length === 1, `figure ${figure.id} is drawn ${shown.length} times`);
    for (const svg of shown) for (const text of all("text", svg)) {
      const box = text.getBoundingClientRect(), frame = svg.getBoundingClientRect();
      is(box.left >= frame.left - 1 && box.right <= frame.right + 1, `figure ${figure.id}: ${name(text)} is cut`);
    }
  }

  // Labels can be read: WCAG 2, AA.
  const channels = color => color.match(/[\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const background = element => {
    for (let at = element; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const contrast = (a, b) => { const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x); return (high + 0.05) / (low + 0.05); };
  for (const element of all("body *:not(script):not(option):not(title)").filter(isShown)) {
    if (![...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim())) continue;
    const style = getComputedStyle(element), isDrawn = element instanceof SVGElement;
    const behind = isDrawn ? channels(getComputedStyle(element.closest("svg").querySelector("rect")).fill) : background(element);
    const ratio = contrast(channels(isDrawn ? style.fill : style.color), behind);
    is(ratio >= 4.5, `${name(element)} has a contrast of ${ratio.toFixed(2)} : 1`);
  }

  // Pictures and tables have names.
  is(all("svg").every(svg => svg.getAttribute("role") === "img" && svg.getAttribute("aria-label")), "a picture has no name");
  is(all("table").every(table => table.caption && table.caption.textContent), "a table has no caption");

  // Links lead somewhere.
  const anchors = all('a[href^="#"]');
  is(anchors.length > 5 && all("#contents a").length > 3, "there are no contents");
  for (const link of anchors) {
    link.click();
    is(location.hash === link.hash && document.getElementById(decodeURIComponent(link.hash.slice(1))), `${link.hash} leads nowhere`);
  }

  // Columns of intervals sort by their numbers.
  const first = cell => parseFloat(cell.textContent.replaceAll(",", ""));
  let sorted = 0;
  for (const head of all("th").filter(head => head.textContent.includes("interval"))) {
    for (const sign of [1, -1]) {
      head.click();
      const rows = [...head.closest("table").tBodies[0].rows];
      const values = rows.map(row => first(row.cells[head.cellIndex])).filter(value => !Number.isNaN(value));
      is(values.every((value, at) => at === 0 || sign * (value - values[at - 1]) >= 0), `'${head.textContent}' sorts to ${values}`);
      sorted += 1;
    }
  }
  is(sorted > 0, "no column of intervals was sorted");

  // Cards, which have no heads, are sorted by a list of the columns.
  for (const table of all(".fit > table").filter(isShown)) {
    const rows = [...table.tBodies[0].rows], box = table.parentElement.querySelector(".sort select");
    if (rows.length < 2 || getComputedStyle(table.tHead).display !== "none" || innerWidth === 700) continue; // (700 px is paper.)
    is(box && isShown(box), `the cards of '${table.caption.textContent}' cannot be sorted`);
    const at = all("th", table).findIndex(head => head.classList.contains("n"));
    if (!box || at < 0) continue;
    for (const [down, sign] of [[0, 1], [1, -1]]) {
      box.value = `${at}:${down}`; box.dispatchEvent(new Event("change"));
      const values = [...table.tBodies[0].rows].map(row => row.cells[at].dataset.v).filter(value => value !== undefined).map(Number);
      is(values.every((value, at) => at === 0 || sign * (value - values[at - 1]) >= 0), `the cards of '${table.caption.textContent}' sort to ${values}`);
    }
  }

  // Values appear beside the pointer.
  const mark = all(".h").find(isShown), tip = document.getElementById("tip");
  is(mark && tip.hidden, "there is nothing to point at, or a value without a pointer");
  mark?.dispatchEvent(new PointerEvent("pointerenter", { clientX: 100, clientY: 100 }));
  is(!tip.hidden && /: .*\d/.test(tip.textContent), `pointing shows '${tip.textContent}'`);
  mark?.dispatchEvent(new PointerEvent("pointerleave"));
  is(tip.hidden, "the value stays when the pointer leaves");

  // Filters hide what is not asked for, and show it again.
  const choose = (box, value) => { box.value = value; box.dispatchEvent(new Event("change")); };
  for (const [box, key] of [["method", "m"], ["family", "f"]].map(([label, key]) => [document.querySelector(`select[name=${label}]`), key])) {
    if (!box) continue;
    const rows = all(`tr[data-${key}]`), value = rows[0].dataset[key];
    choose(box, value);
    is(rows.every(row => row.hidden === (row.dataset[key] !== value)), `the filter by ${box.name} shows other rows than those of ${value}`);
    is(rows.some(row => row.hidden) || new Set(rows.map(row => row.dataset[key])).size === 1, `the filter by ${box.name} hides nothing`);
    choose(box, "");
    is(rows.every(row => !row.hidden), `the filter by ${box.name} cannot be undone`);
  }
  // Figures of other families are hidden.
  const family = document.querySelector("select[name=family]");
  for (const option of family ? [...family.options].slice(1) : []) {
    choose(family, option.value);
    const ofFamily = figure => !figure.dataset.f || figure.dataset.f.split("\n").includes(option.value);
    is(all("figure").every(figure => figure.hidden === !ofFamily(figure)), `figures of other families than ${option.value} are shown`);
    choose(family, "");
  }
  const study = document.querySelector("select[name=study]");
  if (study) {
    choose(study, study.options[1].value);
    is(all("section.study").filter(section => !section.hidden).length === 1, "the filter by study shows others");
    choose(study, "");
  }

  parent.postMessage(JSON.stringify([innerWidth, findings]), "*");
}
