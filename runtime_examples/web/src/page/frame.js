/** The frame of a picture: two axes, two canvases under them, and a cursor that pointer and keys move. */

import { shown, ticks, toPixel, toValue } from "./scale.js";

/** @typedef {import("./scale.js").Axis} Axis */
/** @typedef {{name: string, low: number, high: number}} Range */

const MARGIN = { top: 30, right: 10, bottom: 46, left: 54 };
/** Pixels that a number along an axis takes. */
const TICK_SPACE = { across: 66, up: 50 };
/** The part of an axis that an arrow key goes; with Shift, ten times as far. */
const KEY_STEP = 0.01;
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class Frame {
  /**
   * @param {HTMLElement} container
   * @param {string} label what the picture is, for those who do not see it
   * @param {(x: number, y: number) => void} onMove where the cursor was put
   * @param {() => void} onResize when what lies on the canvases must be drawn again
   */
  constructor(container, label, onMove, onResize) {
    this.container = container;
    this.onMove = onMove;
    this.ground = document.createElement("canvas");
    this.dots = document.createElement("canvas");
    this.lines = svg("svg", { "aria-hidden": "true" });
    this.marks = svg("g", {});
    this.cursor = svg("g", {});
    this.lines.append(this.marks, this.cursor);
    this.surface = document.createElement("div");
    this.surface.className = "surface";
    this.surface.tabIndex = 0;
    // An application keeps the arrow keys from a screen reader's own use of them.
    this.surface.setAttribute("role", "application");
    this.surface.setAttribute("aria-roledescription", "picture");
    this.surface.setAttribute("aria-label", label);
    this.surface.setAttribute("aria-describedby", "caption");
    this.surface.addEventListener("pointerdown", (event) => this.point(event));
    this.surface.addEventListener("pointermove", (event) => event.buttons === 1 && this.point(event));
    this.surface.addEventListener("keydown", (event) => this.key(event));
    container.replaceChildren(this.ground, this.dots, this.lines, this.surface);
    /** @type {{across: Range, up: Range}} */
    this.ranges = { across: { name: "", low: 0, high: 1 }, up: { name: "", low: 0, high: 1 } };
    /** @type {[number, number]} */
    this.at = [0.5, 0.5];
    this.observer = new ResizeObserver(() => {
      this.layOut();
      onResize();
    });
    this.observer.observe(container);
    this.layOut();
  }

  /** Lets go of the container. */
  close() {
    this.observer.disconnect();
    this.container.replaceChildren();
  }

  /**
   * @param {Range} across
   * @param {Range} up
   */
  setRanges(across, up) {
    this.ranges = { across, up };
    this.layOut();
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  setCursor(x, y) {
    this.at = [x, y];
    const [left, top] = [toPixel(this.across, x), toPixel(this.up, y)];
    const { start: west, stop: east } = this.across;
    const { start: south, stop: north } = this.up;
    const seen = left >= west && left <= east && top >= north && top <= south;
    this.cursor.replaceChildren(
      ...(seen
        ? [
            svg("line", { class: "cross", x1: west, x2: east, y1: top, y2: top }),
            svg("line", { class: "cross", x1: left, x2: left, y1: north, y2: south }),
            svg("circle", { class: "ring", cx: left, cy: top, r: 5 }),
          ]
        : []),
    );
  }

  /** Puts canvases, axes and surface where the container's size wants them. */
  layOut() {
    const { width, height } = this.container.getBoundingClientRect();
    /** @type {Axis} */
    this.across = { ...this.ranges.across, start: MARGIN.left, stop: Math.max(width - MARGIN.right, MARGIN.left + 1) };
    /** @type {Axis} */
    this.up = { ...this.ranges.up, start: Math.max(height - MARGIN.bottom, MARGIN.top + 1), stop: MARGIN.top };
    for (const canvas of [this.ground, this.dots]) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
    }
    Object.assign(this.surface.style, {
      left: `${this.across.start}px`,
      top: `${this.up.stop}px`,
      width: `${this.across.stop - this.across.start}px`,
      height: `${this.up.start - this.up.stop}px`,
    });
    this.drawAxes();
    this.setCursor(...this.at);
  }

  drawAxes() {
    const { across, up } = this;
    const [wide, high] = [across.stop - across.start, up.start - up.stop];
    const horizontal = ticks(across.low, across.high, Math.max(2, Math.floor(wide / TICK_SPACE.across)));
    const vertical = ticks(up.low, up.high, Math.max(2, Math.floor(high / TICK_SPACE.up)));
    this.marks.replaceChildren(
      svg("path", { class: "axis", d: `M${across.start} ${up.stop}V${up.start}H${across.stop}` }),
      ...horizontal.values.map((value, index) => {
        const x = toPixel(across, value);
        return labelled(x, up.start + 20, "middle", horizontal.text[index], `M${x} ${up.start}v5`);
      }),
      ...vertical.values.map((value, index) => {
        const y = toPixel(up, value);
        return labelled(across.start - 9, y + 4.5, "end", vertical.text[index], `M${across.start} ${y}h-5`);
      }),
      text(across.stop, up.start + 41, "end", this.ranges.across.name, "name"),
      text(0, 16, "start", this.ranges.up.name, "name"),
    );
  }

  /**
   * A canvas cleared, its coordinates those of the page.
   *
   * @param {HTMLCanvasElement} canvas
   */
  context(canvas) {
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.scale(devicePixelRatio, devicePixelRatio);
    return context;
  }

  /** @param {PointerEvent} event */
  point(event) {
    const box = this.container.getBoundingClientRect();
    this.surface.setPointerCapture(event.pointerId);
    this.move(toValue(this.across, event.clientX - box.left), toValue(this.up, event.clientY - box.top));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const arrow = ARROWS[event.key];
    if (arrow === undefined || event.ctrlKey || event.altKey || event.metaKey) {
      return;
    }
    event.preventDefault();
    const step = KEY_STEP * (event.shiftKey ? 10 : 1);
    const { across, up } = this.ranges;
    this.move(
      this.at[0] + arrow[0] * step * (across.high - across.low),
      this.at[1] + arrow[1] * step * (up.high - up.low),
    );
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  move(x, y) {
    const { across, up } = this.ranges;
    this.onMove(shown(Math.min(Math.max(x, across.low), across.high)), shown(Math.min(Math.max(y, up.low), up.high)));
  }
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 */
export function svg(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, String(value));
  }
  return element;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} anchor
 * @param {string} content
 * @param {string} [name] class
 */
function text(x, y, anchor, content, name = "tick") {
  const element = svg("text", { x, y, "text-anchor": anchor, class: name });
  element.textContent = content;
  return element;
}

/**
 * A number and its mark.
 *
 * @param {number} x
 * @param {number} y
 * @param {string} anchor
 * @param {string} content
 * @param {string} mark
 */
function labelled(x, y, anchor, content, mark) {
  const group = svg("g", {});
  group.append(svg("path", { class: "axis", d: mark }), text(x, y, anchor, content));
  return group;
}
