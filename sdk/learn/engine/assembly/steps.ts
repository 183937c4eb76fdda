// Steps: passes over all trained weights at once, and over what lies beside each of them. Counts are multiples of 4.

// gradient = slope · w + offset: where a batch's gradients are added to, it begins with the terms of the objective.
export function beginGradient(w: usize, slope: f32, offset: usize, gradient: usize, count: i32): void {
  const factor = f32x4.splat(slope)
  for (let end = w + (<usize>count << 2); w < end; w += 16, offset += 16, gradient += 16) {
    v128.store(gradient, f32x4.add(f32x4.mul(v128.load(w), factor), v128.load(offset)))
  }
}

// w −= rate · moves, then moves = keep · moves + slope · w + offset (if it isn't 0): what the next step begins with.
export function moveOn(w: usize, moves: usize, rate: f32, keep: f32, slope: f32, offset: usize, count: i32): void {
  if (offset != 0) moveOnWith(true, w, moves, rate, keep, slope, offset, count)
  else moveOnWith(false, w, moves, rate, keep, slope, offset, count)
}

// @ts-ignore: decorator
@inline
function moveOnWith(
  hasOffset: bool, w: usize, moves: usize, rate: f32, keep: f32, slope: f32, offset: usize, count: i32,
): void {
  const factor = f32x4.splat(rate), kept = f32x4.splat(keep), pull = f32x4.splat(slope)
  for (let end = w + (<usize>count << 2); w < end; w += 16, moves += 16) {
    const move = v128.load(moves)
    const moved = f32x4.sub(v128.load(w), f32x4.mul(move, factor))
    v128.store(w, moved)
    let next = f32x4.add(f32x4.mul(move, kept), f32x4.mul(moved, pull))
    if (hasOffset) {
      next = f32x4.add(next, v128.load(offset))
      offset += 16
    }
    v128.store(moves, next)
  }
}

// g = scale · gradient + decay · w; w −= rate · g.
export function gradientStep(w: usize, gradient: usize, scale: f32, decay: f32, rate: f32, count: i32): void {
  const share = f32x4.splat(scale), pull = f32x4.splat(decay), factor = f32x4.splat(rate)
  for (let end = w + (<usize>count << 2); w < end; w += 16, gradient += 16) {
    const weights = v128.load(w)
    const g = f32x4.add(f32x4.mul(v128.load(gradient), share), f32x4.mul(weights, pull))
    v128.store(w, f32x4.sub(weights, f32x4.mul(g, factor)))
  }
}

// g = scale · gradient + decay · w; velocity = momentum · velocity + g; w −= rate · velocity, or as Nesterov looks ahead,
// w −= rate · (g + momentum · velocity).
export function momentumStep(
  w: usize, gradient: usize, velocity: usize, scale: f32, decay: f32, momentum: f32, nesterov: bool, rate: f32, count: i32,
): void {
  if (nesterov) momentumStepWith(true, w, gradient, velocity, scale, decay, momentum, rate, count)
  else momentumStepWith(false, w, gradient, velocity, scale, decay, momentum, rate, count)
}

// @ts-ignore: decorator
@inline
function momentumStepWith(
  nesterov: bool, w: usize, gradient: usize, velocity: usize, scale: f32, decay: f32, momentum: f32, rate: f32, count: i32,
): void {
  const share = f32x4.splat(scale), pull = f32x4.splat(decay), keep = f32x4.splat(momentum), factor = f32x4.splat(rate)
  for (let end = w + (<usize>count << 2); w < end; w += 16, gradient += 16, velocity += 16) {
    const weights = v128.load(w)
    const g = f32x4.add(f32x4.mul(v128.load(gradient), share), f32x4.mul(weights, pull))
    const v = f32x4.add(f32x4.mul(v128.load(velocity), keep), g)
    v128.store(velocity, v)
    const move = nesterov ? f32x4.add(f32x4.mul(v, keep), g) : v
    v128.store(w, f32x4.sub(weights, f32x4.mul(move, factor)))
  }
}

// g = scale · gradient + decay · w; m and v are its decaying mean and mean square;
// w = keep · w − rate · m / (√v · spread + epsilon).
export function adamStep(
  w: usize, gradient: usize, m: usize, v: usize, scale: f32, decay: f32, keep: f32,
  beta1: f64, beta2: f64, rate: f32, spread: f32, epsilon: f32, count: i32,
): void {
  const share = f32x4.splat(scale), pull = f32x4.splat(decay), kept = f32x4.splat(keep)
  const old1 = f32x4.splat(<f32>beta1), new1 = f32x4.splat(<f32>(1.0 - beta1))
  const old2 = f32x4.splat(<f32>beta2), new2 = f32x4.splat(<f32>(1.0 - beta2))
  const factor = f32x4.splat(rate), wide = f32x4.splat(spread), least = f32x4.splat(epsilon)
  for (let end = w + (<usize>count << 2); w < end; w += 16, gradient += 16, m += 16, v += 16) {
    const weights = v128.load(w)
    const g = f32x4.add(f32x4.mul(v128.load(gradient), share), f32x4.mul(weights, pull))
    const mean = f32x4.add(f32x4.mul(v128.load(m), old1), f32x4.mul(g, new1))
    const square = f32x4.add(f32x4.mul(v128.load(v), old2), f32x4.mul(f32x4.mul(g, g), new2))
    v128.store(m, mean)
    v128.store(v, square)
    const root = f32x4.add(f32x4.mul(f32x4.sqrt(square), wide), least)
    v128.store(w, f32x4.sub(f32x4.mul(weights, kept), f32x4.div(f32x4.mul(mean, factor), root)))
  }
}

// Σ x², in float64, in one fixed order: eight sums, then those. `count` is a multiple of 8.
export function squaredNorm(x: usize, count: i32): f64 {
  let a = f64x2.splat(0), b = f64x2.splat(0), c = f64x2.splat(0), d = f64x2.splat(0)
  for (let end = x + (<usize>count << 2); x < end; x += 32) {
    a = f64x2.add(a, squares(v128.load64_zero(x)))
    b = f64x2.add(b, squares(v128.load64_zero(x, 8)))
    c = f64x2.add(c, squares(v128.load64_zero(x, 16)))
    d = f64x2.add(d, squares(v128.load64_zero(x, 24)))
  }
  const sums = f64x2.add(f64x2.add(a, b), f64x2.add(c, d))
  return f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1)
}

// @ts-ignore: decorator
@inline
function squares(two: v128): v128 {
  const values = f64x2.promote_low_f32x4(two)
  return f64x2.mul(values, values)
}

// Each value to within −limit … limit; what isn't a number stays so.
export function clampValues(x: usize, limit: f32, count: i32): void {
  const most = f32x4.splat(limit), least = f32x4.splat(-limit)
  for (let end = x + (<usize>count << 2); x < end; x += 16) {
    v128.store(x, f32x4.max(f32x4.min(v128.load(x), most), least))
  }
}
