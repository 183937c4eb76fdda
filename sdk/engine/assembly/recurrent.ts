// Steps of recurrent layers. Rows are the batch's examples. A row of gates has `width` values for each gate, and a row of a
// state has `width` values: `units` values and zeros, up to a multiple of 8. A step reads a state and writes the state after the step
// elsewhere. A `mask` has a 0 for each example whose step is skipped: the state stays as it is. Address 0: no mask.
import { rectify, rectifyGradient, sigmoid, sigmoidGradient, tanh, tanhGradient } from './activation'
import { hardSigmoid } from './curve'
import { add } from './elementwise'
import { PANEL_ROW } from './panels'

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

// y = the activation of x.
function apply(kind: i32, x: usize, y: usize, count: i32): void {
  if (kind == TANH) tanh(x, y, count)
  else if (kind == SIGMOID) sigmoid(x, y, count)
  else if (kind == HARD_SIGMOID) hardSigmoid(x, y, 0, 0, 0, count)
  else if (kind == LINEAR) memory.copy(y, x, <usize>count << 2)
  else rectify(x, y, 0, kind == RELU ? f32.MAX_VALUE : 6, count)
}

// dx = dy · the activation's slope, by the activation's value y.
function applyGradient(kind: i32, y: usize, dy: usize, dx: usize, count: i32): void {
  if (kind == TANH) tanhGradient(y, dy, dx, count)
  else if (kind == SIGMOID) sigmoidGradient(y, dy, dx, count)
  else if (kind == HARD_SIGMOID) hardSigmoidGradient(y, dy, dx, count)
  else if (kind == LINEAR) memory.copy(dx, dy, <usize>count << 2)
  else rectifyGradient(y, dy, dx, 0, kind == RELU ? f32.MAX_VALUE : 6, count)
}

function hardSigmoidGradient(y: usize, dy: usize, dx: usize, count: i32): void {
  const slope = f32x4.splat(0.2), zero = f32x4.splat(0), one = f32x4.splat(1)
  for (let end = y + (<usize>count << 2); y < end; y += 16, dy += 16, dx += 16) {
    const value = v128.load(y)
    const within = v128.and(f32x4.gt(value, zero), f32x4.lt(value, one))
    v128.store(dx, v128.and(f32x4.mul(v128.load(dy), slope), within))
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
      add(z, s, z, 4 * width)
      apply(gateKind, z, z, 2 * width)
      apply(kind, z + 2 * part, z + 2 * part, width)
      apply(gateKind, z + 3 * part, z + 3 * part, width)
      for (let i: usize = 0; i < part; i += 16) {
        const kept = f32x4.mul(v128.load(z + part + i), v128.load(c + i))
        v128.store(cNext + i, f32x4.add(kept, f32x4.mul(v128.load(z + i), v128.load(z + 2 * part + i))))
      }
      apply(kind, cNext, hNext, width)
      for (let i: usize = 0; i < part; i += 16) {
        v128.store(hNext + i, f32x4.mul(v128.load(z + 3 * part + i), v128.load(hNext + i)))
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
// the step. Rows of dh, dc and kept have `width` values. `work` has room for 6 · width values.
export function lstmGradient(
  rows: i32, width: i32, kind: i32, gateKind: i32, z: usize, zPitch: usize, c: usize, cNext: usize, statePitch: usize,
  dy: usize, dyPitch: usize, dh: usize, dc: usize, kept: usize, mask: usize, maskPitch: usize, work: usize,
): void {
  const part = <usize>width << 2
  const active = work + 4 * part, through = work + 5 * part
  for (let row = 0; row < rows; row++) {
    gather(dh, dy, kept, width)
    if (isSkipped(mask)) {
      memory.copy(kept, dh, part)
      memory.fill(z, 0, 4 * part)
    } else {
      if (kept != 0) memory.fill(kept, 0, part)
      apply(kind, cNext, active, width)
      for (let i: usize = 0; i < part; i += 16) {
        v128.store(through + i, f32x4.mul(v128.load(dh + i), v128.load(z + 3 * part + i)))
      }
      applyGradient(kind, active, through, through, width)
      for (let i: usize = 0; i < part; i += 16) {
        const cell = f32x4.add(v128.load(dc + i), v128.load(through + i))
        v128.store(work + i, f32x4.mul(cell, v128.load(z + 2 * part + i)))
        v128.store(work + part + i, f32x4.mul(cell, v128.load(c + i)))
        v128.store(work + 2 * part + i, f32x4.mul(cell, v128.load(z + i)))
        v128.store(work + 3 * part + i, f32x4.mul(v128.load(dh + i), v128.load(active + i)))
        v128.store(dc + i, f32x4.mul(cell, v128.load(z + part + i)))
      }
      applyGradient(gateKind, z, work, z, 2 * width)
      applyGradient(kind, z + 2 * part, work + 2 * part, z + 2 * part, width)
      applyGradient(gateKind, z + 3 * part, work + 3 * part, z + 3 * part, width)
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
