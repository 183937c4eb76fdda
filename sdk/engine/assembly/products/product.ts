// Matrix products in panels. A weight matrix of K inputs and N outputs lies in panels of 8 columns: panel p holds, for each
// input k, the 8 weights of outputs 8p … 8p + 7, so that every kernel reads and writes it from front to back.
//
// Tiles have 8 accumulators, 2 rows × 2 panels or 4 rows × 1 panel, which with the values that an iteration loads just fit
// the 16 registers of x86-64; more spill. The wide modules (WIDE, set by the build) are for engines that join the halves of
// a panel's row in one register of 8 lanes: their tiles have up to 6 rows × 2 panels. Each output is a sum in one fixed
// order, so its bits don't depend on how rows and panels are grouped.
import { PANEL_ROW } from '../panels'
import { madd } from './madd'

// Rows 0 … `rows` − 1 of one panel: out = bias + Σ x·w over the runs. A run is a contiguous stretch of inputs: its
// beginning in x and in the panel, and its length, all in bytes.
// @ts-ignore: decorator
@inline
function forwardTile(
  rows: i32, x: usize, offsets: usize, runs: usize, runCount: i32, w: usize, bias: usize, out: usize, pitch: usize, relu: bool,
): void {
  const x0 = x + load<u32>(offsets)
  const x1 = rows > 1 ? x + load<u32>(offsets, 4) : 0
  const x2 = rows > 2 ? x + load<u32>(offsets, 8) : 0
  const x3 = rows > 3 ? x + load<u32>(offsets, 12) : 0
  let a0 = v128.load(bias), b0 = v128.load(bias, 16)
  let a1 = a0, b1 = b0, a2 = a0, b2 = b0, a3 = a0, b3 = b0
  for (const last = runs + (<usize>runCount) * 12; runs < last; runs += 12) {
    let k: usize = load<u32>(runs)
    let p: usize = w + load<u32>(runs, 4)
    for (const end = k + load<u32>(runs, 8); k < end; k += 4, p += PANEL_ROW) {
      const wa = v128.load(p), wb = v128.load(p, 16)
      const s0 = v128.load32_splat(x0 + k)
      a0 = madd(s0, wa, a0)
      b0 = madd(s0, wb, b0)
      if (rows > 1) {
        const s1 = v128.load32_splat(x1 + k)
        a1 = madd(s1, wa, a1)
        b1 = madd(s1, wb, b1)
      }
      if (rows > 2) {
        const s2 = v128.load32_splat(x2 + k)
        a2 = madd(s2, wa, a2)
        b2 = madd(s2, wb, b2)
      }
      if (rows > 3) {
        const s3 = v128.load32_splat(x3 + k)
        a3 = madd(s3, wa, a3)
        b3 = madd(s3, wb, b3)
      }
    }
  }
  storeRow(out, a0, b0, relu)
  if (rows > 1) storeRow(out + pitch, a1, b1, relu)
  if (rows > 2) storeRow(out + 2 * pitch, a2, b2, relu)
  if (rows > 3) storeRow(out + 3 * pitch, a3, b3, relu)
}

// @ts-ignore: decorator
@inline
function storeRow(out: usize, a: v128, b: v128, relu: bool): void {
  if (relu) {
    const zero = f32x4.splat(0)
    a = f32x4.pmax(a, zero)
    b = f32x4.pmax(b, zero)
  }
  v128.store(out, a)
  v128.store(out, b, 16)
}

function forward4(x: usize, offsets: usize, runs: usize, runCount: i32, w: usize, bias: usize, out: usize, pitch: usize, relu: bool): void {
  forwardTile(4, x, offsets, runs, runCount, w, bias, out, pitch, relu)
}

function forward3(x: usize, offsets: usize, runs: usize, runCount: i32, w: usize, bias: usize, out: usize, pitch: usize, relu: bool): void {
  forwardTile(3, x, offsets, runs, runCount, w, bias, out, pitch, relu)
}

function forward2(x: usize, offsets: usize, runs: usize, runCount: i32, w: usize, bias: usize, out: usize, pitch: usize, relu: bool): void {
  forwardTile(2, x, offsets, runs, runCount, w, bias, out, pitch, relu)
}

function forward1(x: usize, offsets: usize, runs: usize, runCount: i32, w: usize, bias: usize, out: usize, pitch: usize, relu: bool): void {
  forwardTile(1, x, offsets, runs, runCount, w, bias, out, pitch, relu)
}

// Rows 0 … `rows` − 1 of two panels, which begin `panelBytes` apart. More than 2 rows are for the wide modules.
// @ts-ignore: decorator
@inline
function forwardPair(
  rows: i32, x: usize, offsets: usize, runs: usize, runCount: i32, w: usize, panelBytes: usize, bias: usize, out: usize, pitch: usize, relu: bool,
): void {
  const x0 = x + load<u32>(offsets)
  const x1 = rows > 1 ? x + load<u32>(offsets, 4) : 0
  const x2 = rows > 2 ? x + load<u32>(offsets, 8) : 0
  const x3 = rows > 3 ? x + load<u32>(offsets, 12) : 0
  const x4 = rows > 4 ? x + load<u32>(offsets, 16) : 0
  const x5 = rows > 5 ? x + load<u32>(offsets, 20) : 0
  let a0 = v128.load(bias), b0 = v128.load(bias, 16), c0 = v128.load(bias, 32), d0 = v128.load(bias, 48)
  let a1 = a0, b1 = b0, c1 = c0, d1 = d0
  let a2 = a0, b2 = b0, c2 = c0, d2 = d0
  let a3 = a0, b3 = b0, c3 = c0, d3 = d0
  let a4 = a0, b4 = b0, c4 = c0, d4 = d0
  let a5 = a0, b5 = b0, c5 = c0, d5 = d0
  for (const last = runs + (<usize>runCount) * 12; runs < last; runs += 12) {
    let k: usize = load<u32>(runs)
    let p: usize = w + load<u32>(runs, 4)
    for (const end = k + load<u32>(runs, 8); k < end; k += 4, p += PANEL_ROW) {
      const wa = v128.load(p), wb = v128.load(p, 16), wc = v128.load(p + panelBytes), wd = v128.load(p + panelBytes, 16)
      const s0 = v128.load32_splat(x0 + k)
      a0 = madd(s0, wa, a0)
      b0 = madd(s0, wb, b0)
      c0 = madd(s0, wc, c0)
      d0 = madd(s0, wd, d0)
      if (rows > 1) {
        const s1 = v128.load32_splat(x1 + k)
        a1 = madd(s1, wa, a1)
        b1 = madd(s1, wb, b1)
        c1 = madd(s1, wc, c1)
        d1 = madd(s1, wd, d1)
      }
      if (rows > 2) {
        const s2 = v128.load32_splat(x2 + k)
        a2 = madd(s2, wa, a2)
        b2 = madd(s2, wb, b2)
        c2 = madd(s2, wc, c2)
        d2 = madd(s2, wd, d2)
      }
      if (rows > 3) {
        const s3 = v128.load32_splat(x3 + k)
        a3 = madd(s3, wa, a3)
        b3 = madd(s3, wb, b3)
        c3 = madd(s3, wc, c3)
        d3 = madd(s3, wd, d3)
      }
      if (rows > 4) {
        const s4 = v128.load32_splat(x4 + k)
        a4 = madd(s4, wa, a4)
        b4 = madd(s4, wb, b4)
        c4 = madd(s4, wc, c4)
        d4 = madd(s4, wd, d4)
      }
      if (rows > 5) {
        const s5 = v128.load32_splat(x5 + k)
        a5 = madd(s5, wa, a5)
        b5 = madd(s5, wb, b5)
        c5 = madd(s5, wc, c5)
        d5 = madd(s5, wd, d5)
      }
    }
  }
  storePair(out, a0, b0, c0, d0, relu)
  if (rows > 1) storePair(out + 1 * pitch, a1, b1, c1, d1, relu)
  if (rows > 2) storePair(out + 2 * pitch, a2, b2, c2, d2, relu)
  if (rows > 3) storePair(out + 3 * pitch, a3, b3, c3, d3, relu)
  if (rows > 4) storePair(out + 4 * pitch, a4, b4, c4, d4, relu)
  if (rows > 5) storePair(out + 5 * pitch, a5, b5, c5, d5, relu)
}

// @ts-ignore: decorator
@inline
function storePair(out: usize, a: v128, b: v128, c: v128, d: v128, relu: bool): void {
  storeRow(out, a, b, relu)
  storeRow(out + PANEL_ROW, c, d, relu)
}

function pair6(
  x: usize, offsets: usize, runs: usize, runCount: i32, w: usize, panelBytes: usize, bias: usize, out: usize, pitch: usize, relu: bool,
): void {
  forwardPair(6, x, offsets, runs, runCount, w, panelBytes, bias, out, pitch, relu)
}

function pair5(
  x: usize, offsets: usize, runs: usize, runCount: i32, w: usize, panelBytes: usize, bias: usize, out: usize, pitch: usize, relu: bool,
): void {
  forwardPair(5, x, offsets, runs, runCount, w, panelBytes, bias, out, pitch, relu)
}

function pair4(
  x: usize, offsets: usize, runs: usize, runCount: i32, w: usize, panelBytes: usize, bias: usize, out: usize, pitch: usize, relu: bool,
): void {
  forwardPair(4, x, offsets, runs, runCount, w, panelBytes, bias, out, pitch, relu)
}

function pair3(
  x: usize, offsets: usize, runs: usize, runCount: i32, w: usize, panelBytes: usize, bias: usize, out: usize, pitch: usize, relu: bool,
): void {
  forwardPair(3, x, offsets, runs, runCount, w, panelBytes, bias, out, pitch, relu)
}

function pair2(
  x: usize, offsets: usize, runs: usize, runCount: i32, w: usize, panelBytes: usize, bias: usize, out: usize, pitch: usize, relu: bool,
): void {
  forwardPair(2, x, offsets, runs, runCount, w, panelBytes, bias, out, pitch, relu)
}

function pair1(
  x: usize, offsets: usize, runs: usize, runCount: i32, w: usize, panelBytes: usize, bias: usize, out: usize, pitch: usize, relu: bool,
): void {
  forwardPair(1, x, offsets, runs, runCount, w, panelBytes, bias, out, pitch, relu)
}

// Two panels in wide tiles: no tile of a single row, which would be waiting for its own sums, if there are 3 rows or more.
function widePanels(
  x: usize, offsets: usize, rows: i32, runs: usize, runCount: i32, w: usize, panelBytes: usize, bias: usize, out: usize, pitch: usize, relu: bool,
): void {
  while (rows > 0) {
    const count = rows > 8 ? 6 : rows > 6 ? 4 : rows
    if (count == 6) pair6(x, offsets, runs, runCount, w, panelBytes, bias, out, pitch, relu)
    else if (count == 5) pair5(x, offsets, runs, runCount, w, panelBytes, bias, out, pitch, relu)
    else if (count == 4) pair4(x, offsets, runs, runCount, w, panelBytes, bias, out, pitch, relu)
    else if (count == 3) pair3(x, offsets, runs, runCount, w, panelBytes, bias, out, pitch, relu)
    else if (count == 2) pair2(x, offsets, runs, runCount, w, panelBytes, bias, out, pitch, relu)
    else pair1(x, offsets, runs, runCount, w, panelBytes, bias, out, pitch, relu)
    rows -= count
    offsets += <usize>count << 2
    out += <usize>count * pitch
  }
}

// One panel. Rows are computed in fours, the rest in threes where this leaves no single row.
function forwardPanel(
  x: usize, offsets: usize, rows: i32, runs: usize, runCount: i32, w: usize, bias: usize, out: usize, pitch: usize, relu: bool,
): void {
  const threes = rows > 5 ? (4 - (rows & 3)) & 3 : rows == 3 || rows == 5 ? 1 : 0
  const fours = (rows - 3 * threes) >> 2
  const left = rows - 3 * threes - 4 * fours
  for (let i = 0; i < fours; i++, out += 4 * pitch, offsets += 16) forward4(x, offsets, runs, runCount, w, bias, out, pitch, relu)
  for (let i = 0; i < threes; i++, out += 3 * pitch, offsets += 12) forward3(x, offsets, runs, runCount, w, bias, out, pitch, relu)
  if (left == 2) forward2(x, offsets, runs, runCount, w, bias, out, pitch, relu)
  else if (left == 1) forward1(x, offsets, runs, runCount, w, bias, out, pitch, relu)
}

// out[row] = bias + x[row]·W, with relu if `relu` is set. Row r of x begins `offsets[r]` bytes behind x. Rows of out
// are `pitch` bytes apart. Panels are computed in pairs.
export function forward(
  x: usize, offsets: usize, rows: i32, runs: usize, runCount: i32,
  w: usize, panelBytes: usize, panels: i32, bias: usize, out: usize, pitch: usize, relu: bool,
): void {
  for (; panels >= 2; panels -= 2) {
    if (isDefined(WIDE)) widePanels(x, offsets, rows, runs, runCount, w, panelBytes, bias, out, pitch, relu)
    else {
      let row = 0, f = offsets, o = out
      for (; row + 2 <= rows; row += 2, f += 8, o += 2 * pitch) pair2(x, f, runs, runCount, w, panelBytes, bias, o, pitch, relu)
      if (row < rows) pair1(x, f, runs, runCount, w, panelBytes, bias, o, pitch, relu)
    }
    w += 2 * panelBytes
    bias += 2 * PANEL_ROW
    out += 2 * PANEL_ROW
  }
  if (panels > 0) forwardPanel(x, offsets, rows, runs, runCount, w, bias, out, pitch, relu)
}

// Inputs 0 … `inputs` − 1 of one panel: target += scale · Σ x·dy over `lines` × `count` rows, which are `xStride` bytes
// apart within a line; lines are `lineStride` bytes apart, rows of dy `pitch` bytes.
// @ts-ignore: decorator
@inline
function gradientTile(
  inputs: i32, x: usize, xStride: usize, lineStride: usize, lines: i32, count: i32, dy: usize, pitch: usize, target: usize, scale: f32,
): void {
  let a0 = f32x4.splat(0), b0 = f32x4.splat(0), a1 = f32x4.splat(0), b1 = f32x4.splat(0)
  let a2 = f32x4.splat(0), b2 = f32x4.splat(0), a3 = f32x4.splat(0), b3 = f32x4.splat(0)
  for (let line = 0; line < lines; line++, x += lineStride) {
    let p = x
    for (const end = x + (<usize>count) * xStride; p < end; p += xStride, dy += pitch) {
      const ya = v128.load(dy), yb = v128.load(dy, 16)
      const s0 = v128.load32_splat(p)
      a0 = madd(s0, ya, a0)
      b0 = madd(s0, yb, b0)
      if (inputs > 1) {
        const s1 = v128.load32_splat(p, 4)
        a1 = madd(s1, ya, a1)
        b1 = madd(s1, yb, b1)
      }
      if (inputs > 2) {
        const s2 = v128.load32_splat(p, 8)
        a2 = madd(s2, ya, a2)
        b2 = madd(s2, yb, b2)
      }
      if (inputs > 3) {
        const s3 = v128.load32_splat(p, 12)
        a3 = madd(s3, ya, a3)
        b3 = madd(s3, yb, b3)
      }
    }
  }
  const factor = f32x4.splat(scale)
  addRow(target, a0, b0, factor)
  if (inputs > 1) addRow(target + PANEL_ROW, a1, b1, factor)
  if (inputs > 2) addRow(target + 2 * PANEL_ROW, a2, b2, factor)
  if (inputs > 3) addRow(target + 3 * PANEL_ROW, a3, b3, factor)
}

// @ts-ignore: decorator
@inline
function addRow(target: usize, a: v128, b: v128, factor: v128): void {
  // Both loads before both stores: else no engine joins them.
  const first = madd(a, factor, v128.load(target)), second = madd(b, factor, v128.load(target, 16))
  v128.store(target, first)
  v128.store(target, second, 16)
}

function gradient4(x: usize, xStride: usize, lineStride: usize, lines: i32, count: i32, dy: usize, pitch: usize, target: usize, scale: f32): void {
  gradientTile(4, x, xStride, lineStride, lines, count, dy, pitch, target, scale)
}

function gradient1(x: usize, xStride: usize, lineStride: usize, lines: i32, count: i32, dy: usize, pitch: usize, target: usize, scale: f32): void {
  gradientTile(1, x, xStride, lineStride, lines, count, dy, pitch, target, scale)
}

// 4 inputs of two panels, which begin `panelBytes` apart, for the wide modules.
function widePairGradient(
  x: usize, xStride: usize, lineStride: usize, lines: i32, count: i32, dy: usize, pitch: usize, target: usize, panelBytes: usize, scale: f32,
): void {
  let a0 = f32x4.splat(0), b0 = a0, c0 = a0, d0 = a0, a1 = a0, b1 = a0, c1 = a0, d1 = a0
  let a2 = a0, b2 = a0, c2 = a0, d2 = a0, a3 = a0, b3 = a0, c3 = a0, d3 = a0
  for (let line = 0; line < lines; line++, x += lineStride) {
    let p = x
    for (const end = x + (<usize>count) * xStride; p < end; p += xStride, dy += pitch) {
      const ya = v128.load(dy), yb = v128.load(dy, 16), yc = v128.load(dy, 32), yd = v128.load(dy, 48)
      const s0 = v128.load32_splat(p)
      a0 = madd(s0, ya, a0)
      b0 = madd(s0, yb, b0)
      c0 = madd(s0, yc, c0)
      d0 = madd(s0, yd, d0)
      const s1 = v128.load32_splat(p, 4)
      a1 = madd(s1, ya, a1)
      b1 = madd(s1, yb, b1)
      c1 = madd(s1, yc, c1)
      d1 = madd(s1, yd, d1)
      const s2 = v128.load32_splat(p, 8)
      a2 = madd(s2, ya, a2)
      b2 = madd(s2, yb, b2)
      c2 = madd(s2, yc, c2)
      d2 = madd(s2, yd, d2)
      const s3 = v128.load32_splat(p, 12)
      a3 = madd(s3, ya, a3)
      b3 = madd(s3, yb, b3)
      c3 = madd(s3, yc, c3)
      d3 = madd(s3, yd, d3)
    }
  }
  const factor = f32x4.splat(scale)
  addRow(target, a0, b0, factor)
  addRow(target + PANEL_ROW, a1, b1, factor)
  addRow(target + 2 * PANEL_ROW, a2, b2, factor)
  addRow(target + 3 * PANEL_ROW, a3, b3, factor)
  const next = target + panelBytes
  addRow(next, c0, d0, factor)
  addRow(next + PANEL_ROW, c1, d1, factor)
  addRow(next + 2 * PANEL_ROW, c2, d2, factor)
  addRow(next + 3 * PANEL_ROW, c3, d3, factor)
}

// Weights' gradient: target += scale · xᵀ·dy, in panels. The inputs of a run are contiguous in x.
export function weightGradient(
  x: usize, xStride: usize, lineStride: usize, lines: i32, count: i32, runs: usize, runCount: i32,
  dy: usize, pitch: usize, target: usize, panelBytes: usize, panels: i32, scale: f32,
): void {
  for (let panel = 0; panel < panels; panel++) {
    const isPair = isDefined(WIDE) && panel + 2 <= panels
    let run = runs
    for (const last = runs + (<usize>runCount) * 12; run < last; run += 12) {
      let k: usize = x + load<u32>(run)
      let t: usize = target + load<u32>(run, 4)
      const end = k + load<u32>(run, 8)
      if (isPair) {
        for (; k + 16 <= end; k += 16, t += 4 * PANEL_ROW) widePairGradient(k, xStride, lineStride, lines, count, dy, pitch, t, panelBytes, scale)
        for (; k < end; k += 4, t += PANEL_ROW) {
          gradient1(k, xStride, lineStride, lines, count, dy, pitch, t, scale)
          gradient1(k, xStride, lineStride, lines, count, dy + PANEL_ROW, pitch, t + panelBytes, scale)
        }
      }
      for (; k + 16 <= end; k += 16, t += 4 * PANEL_ROW) gradient4(k, xStride, lineStride, lines, count, dy, pitch, t, scale)
      for (; k < end; k += 4, t += PANEL_ROW) gradient1(k, xStride, lineStride, lines, count, dy, pitch, t, scale)
    }
    if (isPair) panel++
    target += isPair ? 2 * panelBytes : panelBytes
    dy += isPair ? 2 * PANEL_ROW : PANEL_ROW
  }
}

// 4 inputs of `rows` rows: dx = dy·Wᵀ.
// @ts-ignore: decorator
@inline
function inputTile(rows: i32, dy: usize, pitch: usize, w: usize, panelBytes: usize, panels: i32, dx: usize, xPitch: usize): void {
  let a0 = f32x4.splat(0), a1 = f32x4.splat(0), a2 = f32x4.splat(0), a3 = f32x4.splat(0)
  let b0 = f32x4.splat(0), b1 = f32x4.splat(0), b2 = f32x4.splat(0), b3 = f32x4.splat(0)
  for (let panel = 0; panel < panels; panel++) {
    // Half a panel at a time: more loads at once than registers would spill.
    for (let half: usize = 0; half < PANEL_ROW; half += 16) {
      const p = w + half
      const w0 = v128.load(p), w1 = v128.load(p, 32), w2 = v128.load(p, 64), w3 = v128.load(p, 96)
      const y0 = v128.load(dy)
      a0 = madd(y0, w0, a0)
      a1 = madd(y0, w1, a1)
      a2 = madd(y0, w2, a2)
      a3 = madd(y0, w3, a3)
      if (rows > 1) {
        const y1 = v128.load(dy + pitch)
        b0 = madd(y1, w0, b0)
        b1 = madd(y1, w1, b1)
        b2 = madd(y1, w2, b2)
        b3 = madd(y1, w3, b3)
      }
      dy += 16
    }
    w += panelBytes
  }
  v128.store(dx, lanesSummed(a0, a1, a2, a3))
  if (rows > 1) v128.store(dx + xPitch, lanesSummed(b0, b1, b2, b3))
}

// The sum of each vector's lanes, as one lane each: (0 + 2) + (1 + 3).
// @ts-ignore: decorator
@inline
function lanesSummed(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7))
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7))
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7))
}

function input2(dy: usize, pitch: usize, w: usize, panelBytes: usize, panels: i32, dx: usize, xPitch: usize): void {
  inputTile(2, dy, pitch, w, panelBytes, panels, dx, xPitch)
}

function input1(dy: usize, pitch: usize, w: usize, panelBytes: usize, panels: i32, dx: usize, xPitch: usize): void {
  inputTile(1, dy, pitch, w, panelBytes, panels, dx, xPitch)
}

// Gradient of the inputs of whole rows: dx = dy·Wᵀ. `inputs` is a multiple of 4.
export function inputGradient(
  dy: usize, pitch: usize, rows: i32, w: usize, panelBytes: usize, panels: i32, dx: usize, xPitch: usize, inputs: i32,
): void {
  for (let k = 0; k < inputs; k += 4, w += 4 * PANEL_ROW, dx += 16) {
    let row = 0
    let y = dy
    let o = dx
    for (; row + 2 <= rows; row += 2, y += 2 * pitch, o += 2 * xPitch) input2(y, pitch, w, panelBytes, panels, o, xPitch)
    if (row < rows) input1(y, pitch, w, panelBytes, panels, o, xPitch)
  }
}

// Writes the runs of inputs that aren't zero in all of the rows, four inputs at a time, and returns the number of runs.
// The other inputs would only add zeros to a product.
export function nonzeroRuns(x: usize, rows: i32, rowBytes: usize, runs: usize): i32 {
  const first = runs
  let begun: usize = 0
  let within = false
  for (let k: usize = 0; k < rowBytes; k += 16) {
    let bits = v128.load(x + k)
    for (let p = x + k + rowBytes, last = x + k + <usize>rows * rowBytes; p < last; p += rowBytes) bits = v128.or(bits, v128.load(p))
    const zero = !v128.any_true(v128.and(bits, i32x4.splat(0x7fffffff)))
    if (zero && within) runs = closeRun(runs, begun, k)
    else if (!zero && !within) begun = k
    within = !zero
  }
  if (within) runs = closeRun(runs, begun, rowBytes)
  return <i32>((runs - first) / 12)
}

// @ts-ignore: decorator
@inline
function closeRun(runs: usize, begun: usize, end: usize): usize {
  store<u32>(runs, <u32>begun)
  store<u32>(runs, <u32>begun * 8, 4)
  store<u32>(runs, <u32>(end - begun), 8)
  return runs + 12
}
