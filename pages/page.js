"use strict";
// Sorting of tables, hovering and zooming of plots, colours. All that is added here is a control
// that a keyboard reaches; without this script the page shows the same.
(() => {
  const make = (tag, facts = {}, text = "") => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(facts)) made.setAttribute(name, value);
    made.textContent = text;
    return made;
  };
  const drawn = (tag, facts, text = "") => {
    const made = document.createElementNS(document.querySelector(".stage svg").namespaceURI, tag);
    for (const [name, value] of Object.entries(facts)) made.setAttribute(name, value);
    made.textContent = text;
    return made;
  };
  const button = (text, label, act) => {
    const made = make("button", { type: "button" }, text);
    if (label) made.setAttribute("aria-label", label);
    made.addEventListener("click", act);
    return made;
  };

  // Tables: a heading's button sorts by its column; a cell counts as its first number, if any.
  const NUMBER = /^[^\d\-+−.]*([-+−]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[-+]?\d+)?)/i;
  const key = (cell) => {
    const text = (cell?.textContent ?? "").trim();
    const found = cell?.classList.contains("number") && NUMBER.exec(text);
    return found ? Number(found[1].replaceAll(",", "").replace("−", "-")) : text;
  };
  const compare = (a, b) => {
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1; // words after numbers
    return typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
  };
  const sortable = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    heads.forEach((head, place) => {
      if (!head.textContent) return;
      const sort = button(head.textContent, "", () => {
        const rising = head.getAttribute("aria-sort") !== "ascending";
        const sign = rising ? 1 : -1;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", rising ? "ascending" : "descending");
        [...body.rows]
          .map((row) => [key(row.cells[place]), row])
          .sort(([a], [b]) => (typeof a === typeof b ? sign : 1) * compare(a, b))
          .forEach(([, row]) => body.append(row));
      });
      head.replaceChildren(sort);
    });
  };

  // Plots. A view is a window [left, top, width, height] in the drawing's own pixels.
  const numbers = (text) =>
    text ? new Float64Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer) : null;
  const tidy = (value, digits = 6) => {
    const short = Number(value.toPrecision(digits));
    if (short && Math.abs(short) < 1e-3) return short.toExponential();
    const text = String(short);
    return Math.abs(value) >= 1e4 && !text.includes("e") ? Number(text).toLocaleString("en") : text;
  };
  const said = (axis, value) => (axis.percent ? `${tidy(value * 100, 5)} %` : tidy(value));
  const steps = (low, high) => {
    const rough = (high - low) / 5;
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = unit * [1, 2, 2.5, 5, 10].find((part) => part * unit >= rough * 0.999);
    const found = [];
    for (let n = Math.ceil(low / step); n * step <= high; n++) found.push(n * step);
    return found;
  };
  // Ticks between two positions along an axis, each as [position, text].
  const ticks = (axis, from, to) => {
    const text = (value) => tidy(axis.percent ? value * 100 : value);
    if (axis.scale === "normal") {
      const chosen = [];
      for (const [place, name] of axis.rates) { // the roundest come first
        const near = chosen.some(([other]) => Math.abs(other - place) < axis.room * (to - from));
        if (place >= from && place <= to && !near) chosen.push([place, name]);
      }
      return chosen;
    }
    if (axis.scale === "log") {
      const [a, b] = [Math.log10(axis.low), Math.log10(axis.high)];
      const [low, high] = [10 ** (a + from * (b - a)), 10 ** (a + to * (b - a))];
      let values = steps(low, high);
      if (high / low > 8) {
        const parts = high / low > 300 ? [1] : [1, 2, 5];
        values = [];
        for (let n = Math.floor(Math.log10(low)); 10 ** n <= high; n++) {
          values.push(...parts.map((part) => part * 10 ** n));
        }
        values = values.filter((value) => value >= low && value <= high);
      }
      return values.map((value) => [(Math.log10(value) - a) / (b - a), text(value)]);
    }
    const span = axis.high - axis.low;
    return steps(axis.low + from * span, axis.low + to * span).map((value) => [
      (value - axis.low) / span,
      text(Math.abs(value) < 1e-12 * span ? 0 : value),
    ]);
  };

  class Plot {
    constructor(figure) {
      this.figure = figure;
      this.axes = JSON.parse(figure.dataset.axes);
      this.box = figure.dataset.box.split(" ").map(Number);
      this.stage = figure.querySelector(".stage");
      this.svg = this.stage.querySelector("svg");
      this.zoomed = this.svg.querySelectorAll(".zoom");
      this.grid = this.svg.querySelector(".grid");
      this.whole = [...this.grid.childNodes];
      this.view = [...this.box];
      this.lines = [...this.svg.querySelectorAll("[data-x]")].map((path) => this.read(path));
      this.at = null; // [line, point] of the cursor
      this.cursor = drawn("circle", { class: "cursor", r: 5, visibility: "hidden" });
      this.svg.append(this.cursor);
      this.tip = make("div", { class: "tip", role: "status" });
      this.stage.append(this.tip);
      this.controls();
      this.pointer();
    }

    read(path) {
      const places = [...path.getAttribute("d").matchAll(/(-?[\d.]+) (-?[\d.]+)/g)];
      return {
        label: path.parentNode.dataset.label,
        group: path.parentNode,
        x: numbers(path.dataset.x),
        y: numbers(path.dataset.y),
        low: numbers(path.dataset.low),
        high: numbers(path.dataset.high),
        extra: numbers(path.dataset.extra),
        name: path.dataset.name,
        px: places.map((found) => Number(found[1])),
        py: places.map((found) => Number(found[2])),
      };
    }

    controls() {
      const name = this.figure.querySelector("figcaption b").textContent;
      const tools = make("div", { class: "tools", role: "group", "aria-label": `Zoom ${name}` });
      tools.append(
        make("span", {}, "Drag to zoom"),
        button("+", "Zoom in", () => this.scale(0.5)),
        button("−", "Zoom out", () => this.scale(2)),
        button("Reset", "", () => this.show([...this.box])),
      );
      this.stage.before(tools);
      this.stage.tabIndex = 0;
      this.stage.setAttribute("role", "application");
      this.stage.setAttribute("aria-roledescription", "plot");
      this.stage.setAttribute(
        "aria-label",
        `${name}: left and right go along the points, up and down to another line, ` +
          "plus and minus zoom, 0 resets",
      );
      this.stage.addEventListener("keydown", (event) => this.keyed(event));
      this.stage.addEventListener("blur", () => this.leave());
      const shown = this.figure.querySelectorAll(".legend li");
      if (shown.length < 2) return;
      for (const item of shown) {
        const toggle = button("", "", () => {
          const on = toggle.getAttribute("aria-pressed") !== "true";
          toggle.setAttribute("aria-pressed", on);
          for (const group of this.svg.querySelectorAll("[data-label]")) {
            if (group.dataset.label !== item.dataset.label) continue;
            group.style.display = on ? "" : "none";
          }
          this.leave();
        });
        toggle.setAttribute("aria-pressed", "true");
        toggle.append(...item.childNodes);
        item.append(toggle);
      }
    }

    pointer() {
      let start = null;
      let frame = null;
      this.stage.addEventListener("pointerdown", (event) => {
        if (event.button || event.pointerType === "touch") return;
        start = this.inside(event);
        frame = drawn("rect", { class: "frame" });
        this.svg.append(frame);
        this.stage.setPointerCapture(event.pointerId);
      });
      this.stage.addEventListener("pointermove", (event) => {
        const here = this.inside(event);
        if (!start) return this.hover(here);
        const [x, y, width, height] = this.between(start, here);
        frame.setAttribute("x", x);
        frame.setAttribute("y", y);
        frame.setAttribute("width", width);
        frame.setAttribute("height", height);
      });
      const end = (event) => {
        if (!start) return;
        const [x, y, width, height] = this.between(start, this.inside(event));
        frame.remove();
        start = null;
        if (event.type === "pointercancel" || width < 6 || height < 6) return;
        const [kx, ky] = this.factors();
        const [left, top] = [this.view[0], this.view[1]];
        this.show([
          left + (x - this.box[0]) / kx, top + (y - this.box[1]) / ky, width / kx, height / ky,
        ]);
      };
      this.stage.addEventListener("pointerup", end);
      this.stage.addEventListener("pointercancel", end);
      this.stage.addEventListener("pointerleave", () => start || this.leave());
      this.stage.addEventListener("dblclick", () => this.show([...this.box]));
    }

    // A pointer's place in the drawing's pixels, within its box.
    inside(event) {
      const shape = this.svg.getBoundingClientRect();
      const unit = this.svg.viewBox.baseVal.width / shape.width;
      const [left, top, width, height] = this.box;
      return [
        Math.min(Math.max((event.clientX - shape.left) * unit, left), left + width),
        Math.min(Math.max((event.clientY - shape.top) * unit, top), top + height),
      ];
    }

    between([ax, ay], [bx, by]) {
      return [Math.min(ax, bx), Math.min(ay, by), Math.abs(ax - bx), Math.abs(ay - by)];
    }

    factors() {
      return [this.box[2] / this.view[2], this.box[3] / this.view[3]];
    }

    // Where a point of the whole drawing lies in the present view.
    moved(x, y) {
      const [kx, ky] = this.factors();
      return [this.box[0] + (x - this.view[0]) * kx, this.box[1] + (y - this.view[1]) * ky];
    }

    scale(factor) {
      let [x, y] = [this.view[0] + this.view[2] / 2, this.view[1] + this.view[3] / 2];
      if (this.at) [x, y] = [this.at[0].px[this.at[1]], this.at[0].py[this.at[1]]];
      const [width, height] = [this.view[2] * factor, this.view[3] * factor];
      this.show([x - width / 2, y - height / 2, width, height]);
    }

    show(view) {
      for (const side of [0, 1]) {
        const [start, size] = [this.box[side], this.box[side + 2]];
        view[side + 2] = Math.min(Math.max(view[side + 2], size / 64), size);
        const last = start + size - view[side + 2];
        view[side] = Math.min(Math.max(view[side], start), last);
      }
      this.view = view;
      const [kx, ky] = this.factors();
      const [dx, dy] = [this.box[0] - view[0] * kx, this.box[1] - view[1] * ky];
      const matrix = `matrix(${kx} 0 0 ${ky} ${dx} ${dy})`;
      for (const part of this.zoomed) part.setAttribute("transform", matrix);
      const whole = kx === 1 && ky === 1;
      this.grid.replaceChildren(...(whole ? this.whole : this.ruled()));
      for (const text of this.svg.querySelectorAll(".at")) text.style.display = whole ? "" : "none";
      if (this.at) this.point();
    }

    ruled() {
      const [left, top, width, height] = this.box;
      const [kx, ky] = this.factors();
      const from = [(this.view[0] - left) / width, (top + height - this.view[1]) / height - 1 / ky];
      const found = [];
      for (const [place, text] of ticks(this.axes[0], from[0], from[0] + 1 / kx)) {
        const x = left + (place - from[0]) * kx * width;
        found.push(drawn("path", { d: `M${x} ${top}v${height}` }));
        found.push(drawn("text", { x, y: top + height + 16, class: "middle" }, text));
      }
      for (const [place, text] of ticks(this.axes[1], from[1], from[1] + 1 / ky)) {
        const y = top + height - (place - from[1]) * ky * height;
        found.push(drawn("path", { d: `M${left} ${y}h${width}` }));
        found.push(drawn("text", { x: left - 7, y: y + 4, class: "end" }, text));
      }
      return found;
    }

    seen() {
      return this.lines.filter((line) => line.x.length && line.group.style.display !== "none");
    }

    hover([x, y]) {
      let best = 24 ** 2; // pixels within which a point is meant
      this.at = null;
      for (const line of this.seen()) {
        for (let n = 0; n < line.px.length; n++) {
          const [px, py] = this.moved(line.px[n], line.py[n]);
          const far = (px - x) ** 2 + (py - y) ** 2;
          if (far < best) [best, this.at] = [far, [line, n]];
        }
      }
      this.at ? this.point() : this.leave();
    }

    leave() {
      this.at = null;
      this.cursor.setAttribute("visibility", "hidden");
      this.tip.textContent = "";
    }

    // Shows and says the point of the cursor.
    point() {
      const [line, n] = this.at;
      const [x, y] = this.moved(line.px[n], line.py[n]);
      this.cursor.setAttribute("cx", x);
      this.cursor.setAttribute("cy", y);
      this.cursor.setAttribute("visibility", "visible");
      const [across, upward] = this.axes;
      let text = `${line.label}\n${across.name}: ${said(across, line.x[n])}`;
      text += `\n${upward.name}: ${said(upward, line.y[n])}`;
      if (line.low && Number.isFinite(line.low[n])) {
        text += `\n95 %: ${said(upward, line.low[n])} to ${said(upward, line.high[n])}`;
      }
      if (line.extra && Number.isFinite(line.extra[n])) text += `\n${line.name}: ${tidy(line.extra[n])}`;
      if (this.tip.textContent !== text) this.tip.textContent = text;
      const unit = this.svg.clientWidth / this.svg.viewBox.baseVal.width;
      const [width, height] = [this.tip.offsetWidth, this.tip.offsetHeight];
      const room = this.stage.clientWidth - width;
      this.tip.style.left = `${Math.max(0, Math.min(x * unit + 12, room))}px`;
      this.tip.style.top = `${y * unit > height + 14 ? y * unit - height - 10 : y * unit + 14}px`;
    }

    keyed(event) {
      const lines = this.seen();
      if (event.ctrlKey || event.metaKey || event.altKey || !lines.length) return;
      const along = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      const other = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (along || other) {
        if (!this.at || !lines.includes(this.at[0])) {
          this.at = [lines[0], 0];
        } else if (along) {
          const last = this.at[0].x.length - 1;
          const step = along * (event.shiftKey ? Math.ceil(last / 20) : 1);
          this.at = [this.at[0], Math.min(Math.max(this.at[1] + step, 0), last)];
        } else {
          const [line, n] = this.at;
          const next = lines[(lines.indexOf(line) + other + lines.length) % lines.length];
          const gaps = next.px.map((px) => Math.abs(px - line.px[n]));
          this.at = [next, gaps.indexOf(gaps.reduce((a, b) => Math.min(a, b), Infinity))];
        }
        this.follow();
      } else if (event.key === "+" || event.key === "=") {
        this.scale(0.5);
      } else if (event.key === "-") {
        this.scale(2);
      } else if (event.key === "0" || event.key === "Escape") {
        this.show([...this.box]);
      } else {
        return;
      }
      event.preventDefault();
    }

    // Keeps the cursor in view.
    follow() {
      const place = [this.at[0].px[this.at[1]], this.at[0].py[this.at[1]]];
      const out = [0, 1].some(
        (side) => place[side] < this.view[side] || place[side] > this.view[side] + this.view[side + 2],
      );
      if (out) {
        this.show([
          place[0] - this.view[2] / 2, place[1] - this.view[3] / 2, this.view[2], this.view[3],
        ]);
      } else {
        this.point();
      }
    }
  }

  // Colours, and reloading of a page that is still being written.
  const controls = make("div", { class: "controls" });
  const themes = ["system", "light", "dark"];
  const theme = button("Colours: system", "", () => {
    const next = themes[(themes.indexOf(document.documentElement.dataset.theme ?? "system") + 1) % 3];
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    theme.textContent = `Colours: ${next}`;
  });
  controls.append(theme);
  const seconds = Number(document.body.dataset.reload ?? 0);
  if (seconds) {
    const box = make("input", { type: "checkbox" });
    const label = make("label", { class: "check" });
    label.append(box, ` Reload every ${seconds} s`);
    box.checked = window.name === "reload"; // kept over reloads, of files as well
    let timer = 0;
    const arm = () => {
      window.name = box.checked ? "reload" : "";
      clearTimeout(timer);
      if (box.checked) timer = setTimeout(() => location.reload(), seconds * 1000);
    };
    box.addEventListener("change", arm);
    arm();
    controls.append(label);
  }
  document.querySelector("header").prepend(controls);
  document.querySelectorAll("table.sortable").forEach(sortable);
  document.querySelectorAll("figure.plot").forEach((figure) => new Plot(figure));

  // On paper nothing is folded away, save the plots' values.
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details:not(.values)")) part.open = true;
  });
})();
