"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const onPaper = matchMedia("print");
  const touch = matchMedia("(pointer: coarse)").matches;
  const config = { responsive: true, displaylogo: false, displayModeBar: false };
  let figures = JSON.parse(document.getElementById("figures").textContent);

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function layoutOf(figure) {
    const narrow = innerWidth < 640;
    const layout = structuredClone(figure.layout);
    const ink = colour("--ink"), grid = colour("--grid"), card = colour("--card");
    Object.assign(layout, { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true,
      font: { color: ink, family: "system-ui, sans-serif", size: narrow ? 11 : 12 },
      hoverlabel: { bgcolor: card, bordercolor: grid, font: { color: ink }, align: "left" },
      margin: Object.assign({ l: narrow ? 44 : 60, r: 14, t: layout.legend && !narrow ? 34 : 14, b: 44 }, layout.margin) });
    if (touch) layout.dragmode = false;
    if (narrow && layout.legend) Object.assign(layout.legend, { y: -54 / (layout.height - 58), yanchor: "top" });  // below the axis' title
    for (const name of Object.keys(layout)) {
      if (/^[xy]axis\d*$/.test(name)) {
        const title = Object.assign({ standoff: 8 }, layout[name].title);
        layout[name] = Object.assign({ gridcolor: grid, linecolor: grid, zerolinecolor: grid }, layout[name], { title });
      }
    }
    for (const note of layout.annotations || []) note.font = Object.assign({ color: colour("--soft") }, note.font);
    return layout;
  }

  async function draw() {
    for (const place of document.querySelectorAll(".plot")) {
      const figure = figures[place.dataset.figure];
      if (figure) await Plotly.react(place, structuredClone(figure.data), layoutOf(figure), config);
    }
    document.body.dataset.drawn = String(document.querySelectorAll(".plot .main-svg").length);
  }

  function fitToPaper() {
    for (const place of document.querySelectorAll(".plot")) {
      if (place.data) Plotly.relayout(place, Object.assign(layoutOf(figures[place.dataset.figure]), { width: Math.min(place.clientWidth || 680, 680) }));
    }
  }

  function sortBy(head) {
    const table = head.closest("table"), body = table.tBodies[0], at = [...head.parentNode.children].indexOf(head);
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = (row) => { const text = row.cells[at].textContent.trim(); const number = Number(text); return text === "" ? null : Number.isNaN(number) ? text : number; };
    const rows = [...body.rows].sort((one, other) => {
      const a = key(one), b = key(other);
      if (a === null || b === null) return (a === null) - (b === null);
      const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
      return up ? order : -order;
    });
    body.append(...rows);
  }

  async function refresh() {
    if (document.hidden) return true;
    const answer = await fetch(location.pathname.replace(/\/$/, "") + "/content", { cache: "no-store" });
    if (!answer.ok) return answer.status !== 404;
    const fresh = await answer.json();
    const open = new Set([...document.querySelectorAll("details[open] > summary")].map((summary) => summary.textContent));
    for (const place of document.querySelectorAll(".plot")) Plotly.purge(place);
    document.getElementById("content").innerHTML = fresh.html;  // escaped by the same template as the page itself
    for (const summary of document.querySelectorAll("details > summary")) summary.parentNode.open = open.has(summary.textContent);
    figures = fresh.figures;
    await draw();
    return fresh.live;
  }

  function sayThatNobodyAnswers() {
    if (!document.getElementById("unanswered")) {
      const said = Object.assign(document.createElement("p"), { id: "unanswered", className: "notice" });
      said.textContent = "Nobody serves this page any more. This is what was seen last.";
      document.querySelector("header").append(said);
    }
    return true;
  }

  async function keepFresh(seconds) {
    for (let live = true; live;) {
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      live = await refresh().catch(() => sayThatNobodyAnswers());
    }
  }

  document.addEventListener("click", (event) => {
    const head = event.target.closest(".sortable th");
    if (head) sortBy(head);
  });
  dark.addEventListener("change", draw);
  onPaper.addEventListener("change", (event) => (event.matches ? fitToPaper() : draw()));
  draw();
  const seconds = Number(document.body.dataset.refresh);
  if (seconds > 0) keepFresh(seconds);
})();
