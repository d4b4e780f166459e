"use strict";
(() => {
  const facts = JSON.parse(document.getElementById("facts").textContent);
  const groups = facts.groups;
  const one = (query, within = document) => within.querySelector(query);
  const all = (query, within = document) => [...within.querySelectorAll(query)];
  const number = new Intl.NumberFormat("en");
  const MOST = 8, MOST_SEEDS = 64;

  // What is shown: from the address, so that it can be sent.
  const families = [...new Set(groups.flatMap((group) => group.families))];
  const lengths = [...new Set(groups.flatMap((group) => group.lengths))];
  const best = (group) => group.outcomes.proved ?? group.outcomes.solved ?? 0;
  const usual = groups.map((_, index) => index).sort((a, b) => best(groups[b]) - best(groups[a]) || a - b).slice(0, MOST).sort((a, b) => a - b);
  const fresh = () => ({ cells: usual, family: families[0], length: lengths[lengths.length - 1], theme: "auto", outcome: "", search: "" });
  const state = fresh();

  function readAddress() {
    const given = new URLSearchParams(location.hash.slice(1));
    Object.assign(state, fresh());
    if (given.has("cells")) state.cells = given.get("cells").split(",").filter((text) => /^\d+$/.test(text)).map(Number).filter((index) => index < groups.length);
    if (families.includes(given.get("family"))) state.family = given.get("family");
    if (lengths.includes(Number(given.get("length")))) state.length = Number(given.get("length"));
    if (["light", "dark"].includes(given.get("theme"))) state.theme = given.get("theme");
    state.outcome = given.get("outcome") ?? "";
    state.search = given.get("search") ?? "";
  }

  function writeAddress() {
    const plain = fresh(), said = new URLSearchParams();
    for (const key of Object.keys(plain)) if (String(state[key]) !== String(plain[key])) said.set(key, String(state[key]));
    const hash = said.size ? "#" + said.toString().replaceAll("%2C", ",") : location.pathname;
    try { history.replaceState(null, "", hash); } catch { if (said.size) location.hash = hash; }
  }

  // Figures in words.
  const share = (value) => {
    if (value === 0 || value === 1) return String(value);
    const text = value.toFixed(2);
    return text === "1.00" ? ">.99" : text === "0.00" ? "<.01" : text;
  };
  const interval = ([mean, low, high]) => `${share(mean)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
  const named = (letter) => ({ P: "proved", R: "refuted", O: "open", D: "diverged" })[letter];

  // Rows of each chart.
  const rowsOf = {
    overview: () => shown().flatMap((group) => Object.entries(group.outcomes).filter(([, seeds]) => seeds).map(([outcome, seeds], order) => ({
      group: group.title, outcome, seeds, order, dark: ["proved", "solved"].includes(outcome), label: `${group.title}: ${seeds} of ${group.seeds.length} seeds ${outcome}`,
    }))),
    heat: (group) => {
      const family = group.families.indexOf(state.family);
      return group.iterations.flatMap((iteration, i) => [
        ...group.lengths.map((length, l) => square(group, i, `${number.format(length)}`, group.shares[i][family][l], { l, family }, `${number.format(length)} bits`)),
        ...(group.any ? [square(group, i, "∞", group.any[i], {}, "any length, share proved")] : []),
      ]);
    },
    curves: (group) => {
      const family = group.families.indexOf(state.family), length = group.lengths.indexOf(state.length);
      if (length < 0) return [];
      const rows = group.iterations.map((iteration, i) => {
        const [mean, low, high] = group.shares[i][family][length];
        return { seed: null, iteration, share: mean, low, high, label: `iteration ${number.format(iteration)}: ${interval([mean, low, high])}` };
      });
      const seeds = group.seeds.slice(0, MOST_SEEDS);
      return rows.concat(seeds.flatMap((seed, s) => group.iterations.map((iteration, i) => ({ seed, iteration, share: group.exact[i][family][length][s] / group.pairs }))));
    },
    survival: () => shown().flatMap((group) => [["solved", group.solved], ["proved", group.proved]].filter(([, steps]) => steps).flatMap(([what, steps]) =>
      steps.map(([iteration, mean, low, high]) => ({ group: group.title, what, iteration, share: mean, low, high, banded: what === "solved" && state.cells.length < 5 })))),
    regions: (rows) => rows,
  };
  const shown = () => state.cells.map((index) => groups[index]);
  const square = (group, i, length, found, at, called) => ({
    length, iteration: group.iterations[i], i, ...at, mean: found[0], text: share(found[0]),
    label: `${called}, iteration ${number.format(group.iterations[i])}: ${interval(found)}`,
  });

  // Drawing: one chart after the other, the first at once, so that the page never stands still.
  const queue = [];
  const draw = async (name, box, rows, described, height) => {
    box.replaceChildren();
    if (!rows.length) { box.textContent = "Nothing is chosen."; return; }
    const chart = structuredClone(facts.charts[name]);
    const width = Math.max(200, box.clientWidth || 340);
    Object.assign(chart, { datasets: { rows }, description: described, width, height, autosize: { type: "fit-x", contains: "padding" } });
    chart.config.font = getComputedStyle(document.body).fontFamily;
    chart.config.legend.labelLimit = width - 60;
    chart.config.axisY = { labelLimit: Math.min(260, width * 0.4) };
    if (name === "overview") chart.params[0].value = [...new Set(rows.map((row) => row.outcome))];
    const view = new vega.View(vega.parse(vegaLite.compile(chart).spec), { renderer: "svg", container: box, hover: false });
    await view.tooltip(() => {}).runAsync();
    one("svg", box)?.setAttribute("focusable", "false");
    box.dataset.drawn = name;
    document.documentElement.dataset.first ??= String(Math.round(performance.now()));
  };
  const later = (name, box, rows, height, then) => queue.push(async () => {
    await draw(name, box, rows(), box.closest("[data-described]").dataset.described, height);
    then?.();
  });
  const work = async (run) => {
    await queue.shift()?.();
    if (run !== round) return;
    if (queue.length) setTimeout(work, 0, run);
    else document.documentElement.dataset.ready = "yes";
  };
  let round = 0;
  const start = () => work(++round);

  function redraw() {
    queue.length = 0;
    delete document.documentElement.dataset.ready;
    const simple = (name, height) => {
      const figure = one(`[data-chart="${name}"]`);
      later(name, one(".drawn", figure), () => rowsOf[name](), height);
    };
    simple("overview", Math.max(60, 30 * state.cells.length));
    for (const name of ["heat", "curves"]) {
      const grid = one(`[data-grid="${name}"]`);
      grid.replaceChildren(...state.cells.map((index) => panel(name, groups[index])));
    }
    simple("survival", 240);
    for (const holder of all("[data-exhibit]")) {
      if (!holder.closest("details").open) continue;
      later("regions", one(".drawn", holder), () => facts.exhibits[Number(holder.dataset.exhibit)], 260);
    }
    start();
  }

  function panel(name, group) {
    const figure = document.createElement("figure"), caption = document.createElement("figcaption");
    const box = document.createElement("div"), told = document.createElement("p");
    box.className = "drawn"; told.className = "told"; caption.dir = "auto";
    caption.textContent = `${group.title}: ${state.family}${name === "curves" ? `, ${number.format(state.length)} bits` : ""}`;
    told.setAttribute("role", "status");
    figure.append(caption, box, told);
    const missing = !group.families.includes(state.family);
    later(name, box, () => (missing ? [] : rowsOf[name](group)), name === "heat" ? 26 * group.iterations.length : 170, () => {
      if (name === "heat") walk(box, told, group);
    });
    if (name === "curves") told.remove();
    return figure;
  }

  // A heat map can be walked with the arrow keys; each square says its figure, and its seeds on demand.
  function walk(box, told, group) {
    const squares = all(".mark-rect.role-mark path", box);
    const data = (square) => square.__data__.datum;
    const columns = [...new Set(squares.map((square) => data(square).length))];
    const tell = (square) => { told.textContent = square.getAttribute("aria-label"); };
    const seeds = (square) => { told.textContent = `${square.getAttribute("aria-label")}. Seeds: ${behind(group, data(square))}`; };
    const find = (i, length) => squares.find((square) => data(square).i === i && data(square).length === length);
    squares.forEach((square, index) => {
      square.setAttribute("tabindex", index ? "-1" : "0");
      square.addEventListener("mouseenter", () => tell(square));
      square.addEventListener("focus", () => tell(square));
      square.addEventListener("click", () => { move(square); seeds(square); });
      square.addEventListener("keydown", (event) => {
        const { i, length } = data(square), column = columns.indexOf(length);
        const steps = { ArrowUp: [i + 1, length], ArrowDown: [i - 1, length], ArrowLeft: [i, columns[column - 1]], ArrowRight: [i, columns[column + 1]] };
        if (event.key === "Enter" || event.key === " ") seeds(square);
        else if (steps[event.key]) move(find(...steps[event.key]));
        else return;
        event.preventDefault();
      });
    });
    const move = (square) => {
      if (!square) return;
      squares.forEach((other) => other.setAttribute("tabindex", other === square ? "0" : "-1"));
      square.focus();
    };
  }

  function behind(group, at) {
    if (at.l === undefined) return group.seeds.map((seed, s) => `${seed} ${named(group.verdicts[at.i][s])}`).join(", ");
    const right = group.exact[at.i][at.family][at.l];
    const pairs = group.seeds.map((seed, s) => [right[s], seed]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    return pairs.map(([count, seed]) => `${seed} has ${count} of ${group.pairs}`).join(", ");
  }

  // Controls.
  const form = one("#choice");
  const option = (value, text) => Object.assign(document.createElement("option"), { value, textContent: text });
  one('select[name="family"]', form).append(...families.map((family) => option(family, family)));
  one('select[name="length"]', form).append(...lengths.map((length) => option(length, `${number.format(length)} bits`)));
  one("#boxes").append(...groups.map((group, index) => {
    const label = document.createElement("label"), box = Object.assign(document.createElement("input"), { type: "checkbox", value: index });
    label.dir = "auto";
    label.append(box, ` ${group.title}`);
    return label;
  }));
  const rows = all("#verdicts tbody tr"), owners = groups.flatMap((group, index) => group.seeds.map(() => index));
  const search = one('[name="search"]');
  one("#outcomes").append(...["", ...new Set(rows.map((row) => row.dataset.outcome))].map((outcome) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: outcome || "All" });
    button.addEventListener("click", () => { state.outcome = outcome; apply(false); });
    button.dataset.outcome = outcome;
    return button;
  }));

  function apply(charts = true) {
    document.documentElement.dataset.theme = state.theme;
    all("#boxes input").forEach((box) => { box.checked = state.cells.includes(Number(box.value)); });
    one("#chosen").textContent = state.cells.length === groups.length ? `all ${groups.length}` : `${state.cells.length} of ${groups.length}`;
    one('select[name="family"]').value = state.family;
    one('select[name="length"]').value = state.length;
    one('select[name="theme"]').value = state.theme;
    if (search.value !== state.search) search.value = state.search;
    all("#outcomes button").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.outcome === state.outcome)));
    const wanted = state.search.toLowerCase();
    let count = 0;
    rows.forEach((row, index) => {
      const kept = state.cells.includes(owners[index]) && (!state.outcome || row.dataset.outcome === state.outcome) && (!wanted || row.textContent.toLowerCase().includes(wanted));
      row.hidden = !kept;
      count += kept;
    });
    one("#count").textContent = `${number.format(count)} of ${number.format(rows.length)} seeds`;
    writeAddress();
    if (charts) redraw();
  }

  form.addEventListener("change", (event) => {
    const { name, value, type } = event.target;
    if (type === "checkbox") state.cells = all("#boxes input:checked").map((box) => Number(box.value));
    else state[name] = name === "length" ? Number(value) : value;
    apply(name !== "theme");
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  one("#all").addEventListener("click", () => { state.cells = groups.map((_, index) => index); apply(); });
  one("#none").addEventListener("click", () => { state.cells = []; apply(); });
  search.addEventListener("input", () => { state.search = search.value; apply(false); });
  all("nav a").forEach((link) => link.addEventListener("click", (event) => {
    event.preventDefault();
    const target = one(link.getAttribute("href"));
    target.setAttribute("tabindex", "-1");
    target.scrollIntoView();
    target.focus({ preventScroll: true });
  }));
  all("[data-copy]").forEach((button) => button.addEventListener("click", async () => {
    const text = one(`#${button.dataset.copy}`);
    getSelection().selectAllChildren(text);
    try { await navigator.clipboard.writeText(text.textContent); button.textContent = "Copied"; } catch { button.textContent = "Selected"; }
  }));
  all("details").forEach((details) => details.addEventListener("toggle", () => {
    const holder = details.open && one(":scope > .proof [data-exhibit]", details);
    if (holder && !one(".drawn svg", holder)) {
      later("regions", one(".drawn", holder), () => facts.exhibits[Number(holder.dataset.exhibit)], 260);
      start();
    }
  }));
  let width = innerWidth;
  const resized = () => { if (innerWidth !== width) { width = innerWidth; redraw(); } };
  let waiting;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(resized, 200); });
  addEventListener("hashchange", () => { readAddress(); apply(); });
  addEventListener("beforeprint", () => {
    all("main details").forEach((details) => { if (!details.closest("#choice")) details.open = true; });
    for (const holder of all("[data-exhibit]")) if (!one(".drawn svg", holder)) later("regions", one(".drawn", holder), () => facts.exhibits[Number(holder.dataset.exhibit)], 260);
    round += 1;
    while (queue.length) queue.shift()();
    document.documentElement.dataset.ready = "yes";
  });
  readAddress();
  apply();
})();
