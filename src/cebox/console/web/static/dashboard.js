// The plot of the dashboard: areas stacked by hand, the oldest version at the bottom. The legend follows the cursor;
// what it says without one, and the table beside the plot, the page itself has.
(() => {
  "use strict";
  const find = (selector, from = document) => from.querySelector(selector);
  const language = document.documentElement.lang;
  const number = new Intl.NumberFormat(language);
  const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone: "UTC" });
  const colour = (element, name) => getComputedStyle(element)[name];
  let plot, drawn = "";

  const tell = (told, at) => {
    for (const one of told.series) {
      const place = find(`#plot-legend [data-role=${one.role}] b`);
      if (place) place.textContent = number.format(one.counts[at]);
    }
  };

  const stack = (series, length) => {
    let below = new Array(length).fill(0);
    return series.map((one) => (below = one.counts.map((count, at) => count + below[at])));
  };

  const draw = () => {
    const holder = find("#plot"), source = find("#plot-data");
    if (plot) plot.destroy();
    plot = undefined;
    if (!holder || !source) return;
    drawn = source.dataset.history;
    const told = JSON.parse(drawn), last = told.days.length - 1;
    const quiet = colour(find(".mut", holder.closest(".card")), "color");
    const card = colour(holder.closest(".card"), "backgroundColor"), rule = colour(holder.closest(".card"), "borderTopColor");
    const stacked = stack(told.series, told.days.length);
    const axis = { stroke: quiet, font: "12px Inter, sans-serif", ticks: { show: false } };
    const fill = (one) => colour(find(`#plot-legend [data-role=${one.role}] .sw`), "backgroundColor");
    plot = new uPlot({
      width: holder.clientWidth, height: 250, legend: { show: false }, padding: [8, 22, 0, 0],
      cursor: { y: false, points: { show: false }, drag: { x: false } },
      scales: { y: { range: (_, _low, high) => [0, Math.max(4, Math.ceil(high * 1.05))] } },
      axes: [
        { ...axis, grid: { show: false }, space: 62, size: 26, incrs: [1, 2, 3, 7, 14, 21, 28].map((days) => days * 86400),
          values: (_, marks) => marks.map((mark) => day.format(mark * 1000)) },
        { ...axis, grid: { stroke: rule, width: 1 }, size: 52, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5],
          values: (_, marks) => marks.map((mark) => number.format(mark)) },
      ],
      series: [{}, ...[...told.series].reverse().map((one) => ({ label: one.name, fill: fill(one), stroke: card, width: 1.5, points: { show: false } }))],
      hooks: { setCursor: [(self) => tell(told, self.cursor.idx ?? last)] },
    }, [told.days, ...stacked.reverse()], holder);
  };

  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let width = 0;
  const watch = new ResizeObserver(([entry]) => {
    if (Math.round(entry.contentRect.width) !== width) { width = Math.round(entry.contentRect.width); draw(); }
  });
  if (find("#plot")) watch.observe(find("#plot"));
  document.addEventListener("htmx:afterSettle", () => {
    const source = find("#plot-data");
    if (source && source.dataset.history !== drawn) draw();
  });
})();
