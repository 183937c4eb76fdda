// Steps of recurrent layers. Rows are the batch's examples. A row of gates has `width` values for each gate, and a row of a
// state has `width` values: `units` values and zeros, up to a multiple of 8. A step reads a state and writes the state after the step
// elsewhere. A `mask` has a 0 for each example whose step is skipped: the state stays as it is. Address 0: no mask.
import { add } from './elementwise'
import { PANEL_ROW } from './panels'
import { exp4, tanh4 } from './transcendental'

// Numbers of the activations, as in ops/recurrent.ts.
// @ts-ignore: decorator
@inline
const LINEAR: i32 = 0
// @ts-ignore: decorator
@inline
const TANH: i32 = 1
// @ts-ignore: decorator
@inline
const SIGMOID: i32 = 2
// @ts-ignore: decorator
@inline
const HARD_SIGMOID: i32 = 3
// @ts-ignore: decorator
@inline
const RELU: i32 = 4

// The activation of four values.
// @ts-ignore: decorator
@inline
function active4(kind: i32, x: v128): v128 {
  const zero = f32x4.splat(0), one = f32x4.splat(1)
  if (kind == TANH) return tanh4(x)
  if (kind == SIGMOID) return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))))
  if (kind == HARD_SIGMOID) {
    return f32x4.min(f32x4.max(f32x4.add(f32x4.mul(x, f32x4.splat(0.2)), f32x4.splat(0.5)), zero), one)
  }
  if (kind == LINEAR) return x
  const limit = f32x4.splat(kind == RELU ? f32.MAX_VALUE : 6)
  return v128.bitselect(f32x4.min(x, limit), f32x4.mul(x, zero), f32x4.gt(x, zero))
}

// dy · the activation's slope, by the activation's value y.
// @ts-ignore: decorator
@inline
function sloped4(kind: i32, y: v128, dy: v128): v128 {
  const zero = f32x4.splat(0), one = f32x4.splat(1)
  if (kind == TANH) return f32x4.mul(dy, f32x4.sub(one, f32x4.mul(y, y)))
  if (kind == SIGMOID) return f32x4.mul(dy, f32x4.mul(y, f32x4.sub(one, y)))
  if (kind == HARD_SIGMOID) {
    return v128.and(f32x4.mul(dy, f32x4.splat(0.2)), v128.and(f32x4.gt(y, zero), f32x4.lt(y, one)))
  }
  if (kind == LINEAR) return dy
  const within = v128.and(dy, f32x4.lt(y, f32x4.splat(kind == RELU ? f32.MAX_VALUE : 6)))
  return v128.bitselect(within, f32x4.mul(dy, zero), f32x4.gt(y, zero))
}

// y = the activation of x.
function apply(kind: i32, x: usize, y: usize, count: i32): void {
  for (let end = x + (<usize>count << 2); x < end; x += 16, y += 16) v128.store(y, active4(kind, v128.load(x)))
}

// dx = dy · the activation's slope, by the activation's value y.
function applyGradient(kind: i32, y: usize, dy: usize, dx: usize, count: i32): void {
  for (let end = y + (<usize>count << 2); y < end; y += 16, dy += 16, dx += 16) {
    v128.store(dx, sloped4(kind, v128.load(y), v128.load(dy)))
  }
}

// @ts-ignore: decorator
@inline
function isSkipped(mask: usize): bool {
  return mask != 0 && load<f32>(mask) == 0
}

// Ends a step of one example: zeros behind the units, and the layer's output.
// @ts-ignore: decorator
@inline
function finish(state: usize, units: i32, width: i32, y: usize): void {
  // An activation that isn't 0 at 0 fills the padding too.
  if (units < width) memory.fill(state + (<usize>units << 2), 0, <usize>(width - units) << 2)
  if (y != 0) memory.copy(y, state, <usize>width << 2)
}

// The state's gradient: that by the next step, that by the output, and that which skipped steps and update gates hand on.
// @ts-ignore: decorator
@inline
function gather(dh: usize, dy: usize, kept: usize, width: i32): void {
  if (dy != 0) add(dh, dy, dh, width)
  if (kept != 0) add(dh, kept, dh, width)
}

// Four values of a gate, of which z has one part and s the other. They replace z.
// @ts-ignore: decorator
@inline
function gate(kind: i32, z: usize, s: usize): v128 {
  const value = active4(kind, f32x4.add(v128.load(z), v128.load(s)))
  v128.store(z, value)
  return value
}

// One step of an LSTM (Hochreiter & Schmidhuber 1997, with forget gates). Gates are i, f, c, o: c' = f·c + i·g, h' = o·act(c').
// Gates come in two parts, z and s, and z becomes their values.
export function lstmStep(
  rows: i32, units: i32, width: i32, kind: i32, gateKind: i32, z: usize, zPitch: usize, s: usize, sPitch: usize,
  h: usize, c: usize, hNext: usize, cNext: usize, statePitch: usize, y: usize, yPitch: usize, mask: usize, maskPitch: usize,
): void {
  const part = <usize>width << 2
  for (let row = 0; row < rows; row++) {
    if (isSkipped(mask)) {
      memory.copy(hNext, h, part)
      memory.copy(cNext, c, part)
    } else {
      for (let i: usize = 0; i < part; i += 16) {
        const into = gate(gateKind, z + i, s + i), kept = gate(gateKind, z + part + i, s + part + i)
        const fresh = gate(kind, z + 2 * part + i, s + 2 * part + i)
        const out = gate(gateKind, z + 3 * part + i, s + 3 * part + i)
        const cell = f32x4.add(f32x4.mul(kept, v128.load(c + i)), f32x4.mul(into, fresh))
        v128.store(cNext + i, cell)
        v128.store(hNext + i, f32x4.mul(out, active4(kind, cell)))
      }
    }
    finish(hNext, units, width, y)
    z += zPitch
    s += sPitch
    h += statePitch
    c += statePitch
    hNext += statePitch
    cNext += statePitch
    if (y != 0) y += yPitch
    if (mask != 0) mask += maskPitch
  }
}

// The gates' gradients, in place of their values, and the gradient of the cell's state before the step, in place of that after
// the step. Rows of dh, dc and kept have `width` values.
export function lstmGradient(
  rows: i32, width: i32, kind: i32, gateKind: i32, z: usize, zPitch: usize, c: usize, cNext: usize, statePitch: usize,
  dy: usize, dyPitch: usize, dh: usize, dc: usize, kept: usize, mask: usize, maskPitch: usize,
): void {
  const part = <usize>width << 2
  for (let row = 0; row < rows; row++) {
    gather(dh, dy, kept, width)
    if (isSkipped(mask)) {
      memory.copy(kept, dh, part)
      memory.fill(z, 0, 4 * part)
    } else {
      if (kept != 0) memory.fill(kept, 0, part)
      for (let i: usize = 0; i < part; i += 16) {
        const gradient = v128.load(dh + i)
        const into = v128.load(z + i), forget = v128.load(z + part + i)
        const fresh = v128.load(z + 2 * part + i), out = v128.load(z + 3 * part + i)
        const active = active4(kind, v128.load(cNext + i))
        const cell = f32x4.add(v128.load(dc + i), sloped4(kind, active, f32x4.mul(gradient, out)))
        v128.store(dc + i, f32x4.mul(cell, forget))
        v128.store(z + i, sloped4(gateKind, into, f32x4.mul(cell, fresh)))
        v128.store(z + part + i, sloped4(gateKind, forget, f32x4.mul(cell, v128.load(c + i))))
        v128.store(z + 2 * part + i, sloped4(kind, fresh, f32x4.mul(cell, into)))
        v128.store(z + 3 * part + i, sloped4(gateKind, out, f32x4.mul(gradient, active)))
      }
    }
    z += zPitch
    c += statePitch
    cNext += statePitch
    dh += part
    dc += part
    if (dy != 0) dy += dyPitch
    if (kept != 0) kept += part
    if (mask != 0) mask += maskPitch
  }
}

// The first half of a step of a GRU (Cho et al. 2014): the gates z (update) and r (reset), and r·h, the state that the candidate
// sees. Gates are z, r, h.
export function gruGates(
  rows: i32, width: i32, gateKind: i32, z: usize, zPitch: usize, s: usize, sPitch: usize, h: usize, statePitch: usize,
  reset: usize, resetPitch: usize,
): void {
  const part = <usize>width << 2
  for (let row = 0; row < rows; row++, z += zPitch, s += sPitch, h += statePitch, reset += resetPitch) {
    add(z, s, z, 2 * width)
    apply(gateKind, z, z, 2 * width)
    for (let i: usize = 0; i < part; i += 16) {
      v128.store(reset + i, f32x4.mul(v128.load(z + part + i), v128.load(h + i)))
    }
  }
}

// The second half: the candidate, and h' = z·h + (1 − z)·candidate.
export function gruStep(
  rows: i32, units: i32, width: i32, kind: i32, z: usize, zPitch: usize, s: usize, sPitch: usize,
  h: usize, hNext: usize, statePitch: usize, y: usize, yPitch: usize, mask: usize, maskPitch: usize,
): void {
  const part = <usize>width << 2
  const one = f32x4.splat(1)
  for (let row = 0; row < rows; row++) {
    if (isSkipped(mask)) memory.copy(hNext, h, part)
    else {
      const candidate = z + 2 * part
      add(candidate, s, candidate, width)
      apply(kind, candidate, candidate, width)
      for (let i: usize = 0; i < part; i += 16) {
        const update = v128.load(z + i)
        const fresh = f32x4.mul(f32x4.sub(one, update), v128.load(candidate + i))
        v128.store(hNext + i, f32x4.add(f32x4.mul(update, v128.load(h + i)), fresh))
      }
    }
    finish(hNext, units, width, y)
    z += zPitch
    s += sPitch
    h += statePitch
    hNext += statePitch
    if (y != 0) y += yPitch
    if (mask != 0) mask += maskPitch
  }
}

// The gradients of the gates z and h, in place of their values. `work` has room for 2 · width values.
export function gruStepGradient(
  rows: i32, width: i32, kind: i32, gateKind: i32, z: usize, zPitch: usize, h: usize, statePitch: usize,
  dy: usize, dyPitch: usize, dh: usize, kept: usize, mask: usize, maskPitch: usize, work: usize,
): void {
  const part = <usize>width << 2
  const one = f32x4.splat(1)
  for (let row = 0; row < rows; row++) {
    const candidate = z + 2 * part
    gather(dh, dy, kept, width)
    if (isSkipped(mask)) {
      memory.copy(kept, dh, part)
      memory.fill(z, 0, part)
      memory.fill(candidate, 0, part)
    } else {
      for (let i: usize = 0; i < part; i += 16) {
        const gradient = v128.load(dh + i), update = v128.load(z + i)
        v128.store(kept + i, f32x4.mul(gradient, update))
        v128.store(work + i, f32x4.mul(gradient, f32x4.sub(v128.load(h + i), v128.load(candidate + i))))
        v128.store(work + part + i, f32x4.mul(gradient, f32x4.sub(one, update)))
      }
      applyGradient(gateKind, z, work, z, width)
      applyGradient(kind, candidate, work + part, candidate, width)
    }
    z += zPitch
    h += statePitch
    dh += part
    kept += part
    if (dy != 0) dy += dyPitch
    if (mask != 0) mask += maskPitch
  }
}

// The gradient of the gate r, in place of its value, from the gradient of r·h, and what r hands on to the state before the step.
export function gruGatesGradient(
  rows: i32, width: i32, gateKind: i32, z: usize, zPitch: usize, h: usize, statePitch: usize, dReset: usize, kept: usize,
  mask: usize, maskPitch: usize, work: usize,
): void {
  const part = <usize>width << 2
  for (let row = 0; row < rows; row++, z += zPitch, h += statePitch, dReset += part, kept += part) {
    const reset = z + part
    if (isSkipped(mask)) memory.fill(reset, 0, part)
    else {
      for (let i: usize = 0; i < part; i += 16) {
        const gradient = v128.load(dReset + i)
        v128.store(work + i, f32x4.mul(gradient, v128.load(h + i)))
        v128.store(kept + i, f32x4.add(v128.load(kept + i), f32x4.mul(gradient, v128.load(reset + i))))
      }
      applyGradient(gateKind, reset, work, reset, width)
    }
    if (mask != 0) mask += maskPitch
  }
}

// One step of a simple recurrent layer: h' = act(z + s).
export function simpleStep(
  rows: i32, units: i32, width: i32, kind: i32, z: usize, zPitch: usize, s: usize, sPitch: usize,
  h: usize, hNext: usize, statePitch: usize, y: usize, yPitch: usize, mask: usize, maskPitch: usize,
): void {
  for (let row = 0; row < rows; row++) {
    if (isSkipped(mask)) memory.copy(hNext, h, <usize>width << 2)
    else {
      add(z, s, z, width)
      apply(kind, z, hNext, width)
    }
    finish(hNext, units, width, y)
    z += zPitch
    s += sPitch
    h += statePitch
    hNext += statePitch
    if (y != 0) y += yPitch
    if (mask != 0) mask += maskPitch
  }
}

export function simpleGradient(
  rows: i32, width: i32, kind: i32, z: usize, zPitch: usize, hNext: usize, statePitch: usize,
  dy: usize, dyPitch: usize, dh: usize, kept: usize, mask: usize, maskPitch: usize,
): void {
  const part = <usize>width << 2
  for (let row = 0; row < rows; row++) {
    gather(dh, dy, kept, width)
    if (isSkipped(mask)) {
      memory.copy(kept, dh, part)
      memory.fill(z, 0, part)
    } else {
      if (kept != 0) memory.fill(kept, 0, part)
      applyGradient(kind, hNext, dh, z, width)
    }
    z += zPitch
    hNext += statePitch
    dh += part
    if (kept != 0) kept += part
    if (dy != 0) dy += dyPitch
    if (mask != 0) mask += maskPitch
  }
}

// Copies a row-major matrix with `gates` · `units` columns into panels in which each gate begins a panel.
export function packGates(source: usize, rows: i32, units: i32, gates: i32, target: usize, panelBytes: usize): void {
  for (let row = 0; row < rows; row++, target += PANEL_ROW) {
    let t = target
    for (let gate = 0; gate < gates; gate++) {
      for (let unit = 0; unit < units; unit += 8, t += panelBytes) source = moved(source, t, units - unit, source)
    }
  }
}

// Copies panels to a row-major matrix: the reverse of `packGates`.
export function unpackGates(source: usize, panelBytes: usize, rows: i32, units: i32, gates: i32, target: usize): void {
  for (let row = 0; row < rows; row++, source += PANEL_ROW) {
    let s = source
    for (let gate = 0; gate < gates; gate++) {
      for (let unit = 0; unit < units; unit += 8, s += panelBytes) target = moved(s, target, units - unit, target)
    }
  }
}

// Copies at most 8 values, and returns the end of the row-major side.
// @ts-ignore: decorator
@inline
function moved(from: usize, to: usize, left: i32, side: usize): usize {
  if (left < 8) {
    memory.copy(to, from, left << 2)
    return side + (<usize>left << 2)
  }
  v128.store(to, v128.load(from))
  v128.store(to, v128.load(from, 16), 16)
  return side + 32
}

// A mask of rows: 1 where a channel isn't `value`, else 0.
export function maskOfRows(x: usize, pitch: usize, rows: i32, channels: i32, value: f32, mask: usize): void {
  for (let row = 0; row < rows; row++, x += pitch, mask += 4) {
    let found: f32 = 0
    for (let c = 0; c < channels; c++) if (load<f32>(x + (<usize>c << 2)) != value) found = 1
    store<f32>(mask, found)
  }
}

// y = x where the row's mask isn't 0, else 0.
export function maskRows(
  x: usize, xPitch: usize, mask: usize, rows: i32, y: usize, yPitch: usize, bytes: usize,
): void {
  for (let row = 0; row < rows; row++, x += xPitch, y += yPitch, mask += 4) {
    if (load<f32>(mask) == 0) memory.fill(y, 0, bytes)
    else memory.copy(y, x, bytes)
  }
}
