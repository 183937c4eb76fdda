// Rows of a table by their numbers, which are float32. Rows have `pitch` bytes, a multiple of 16.

// The index of the first number that isn't the number of a row. −1 if there is none.
export function firstOutside(numbers: usize, count: i32, rows: i32): i32 {
  for (let i = 0; i < count; i++) {
    const value = load<f32>(numbers + (<usize>i << 2))
    if (!(value >= 0 && value < <f32>rows && value == Mathf.floor(value))) return i
  }
  return -1
}

export function takeRows(numbers: usize, count: i32, table: usize, pitch: usize, out: usize): void {
  for (let i = 0; i < count; i++, out += pitch) {
    memory.copy(out, table + <usize>load<f32>(numbers + (<usize>i << 2)) * pitch, pitch)
  }
}

// The numbered rows += scale · dy.
export function addToRows(numbers: usize, count: i32, dy: usize, scale: f32, table: usize, pitch: usize): void {
  const factor = f32x4.splat(scale)
  for (let i = 0; i < count; i++) {
    const row = table + <usize>load<f32>(numbers + (<usize>i << 2)) * pitch
    for (let c: usize = 0; c < pitch; c += 16, dy += 16) {
      v128.store(row + c, f32x4.add(v128.load(row + c), f32x4.mul(v128.load(dy), factor)))
    }
  }
}
