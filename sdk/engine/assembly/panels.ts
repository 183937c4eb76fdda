// Weights in panels of 8 columns (see products/product.ts), to and from a row-major matrix, and rotated.

// @ts-ignore: decorator
@inline
export const PANEL_ROW: usize = 32

// Copies a row-major matrix of `columns` into panels. Row r becomes row `places[r]` of the panels.
export function pack(source: usize, rows: i32, columns: i32, places: usize, target: usize, panelBytes: usize): void {
  for (let row = 0; row < rows; row++) {
    let t = target + <usize>load<u32>(places + (<usize>row << 2)) * PANEL_ROW
    for (let column = 0; column < columns; column += 8, t += panelBytes, source += 32) {
      const left = columns - column
      if (left < 8) {
        memory.copy(t, source, left << 2)
        source += (<usize>left << 2) - 32
      } else {
        v128.store(t, v128.load(source))
        v128.store(t, v128.load(source, 16), 16)
      }
    }
  }
}

// Copies panels to a row-major matrix: the reverse of `pack`.
export function unpack(source: usize, panelBytes: usize, rows: i32, columns: i32, places: usize, target: usize): void {
  for (let row = 0; row < rows; row++) {
    let s = source + <usize>load<u32>(places + (<usize>row << 2)) * PANEL_ROW
    for (let column = 0; column < columns; column += 8, s += panelBytes, target += 32) {
      const left = columns - column
      if (left < 8) {
        memory.copy(target, s, left << 2)
        target += (<usize>left << 2) - 32
      } else {
        v128.store(target, v128.load(s))
        v128.store(target, v128.load(s, 16), 16)
      }
    }
  }
}

// A convolution's kernel rotated by 180°, with inputs and outputs exchanged: panels of 8 inputs, whose rows are
// (position, output). `inputs` and `outputs` are padded to multiples of 8.
export function turn(
  source: usize, sourcePanelBytes: usize, positions: i32, inputs: i32, outputs: i32, target: usize, targetPanelBytes: usize,
): void {
  const panels = outputs >> 3
  for (let input = 0; input < inputs; input += 4) {
    const column = target + <usize>(input >> 3) * targetPanelBytes + (<usize>(input & 7) << 2)
    for (let position = 0; position < positions; position++) {
      let t = column + <usize>((positions - 1 - position) * outputs) * PANEL_ROW
      let s = source + <usize>(position * inputs + input) * PANEL_ROW
      for (let panel = 0; panel < panels; panel++, s += sourcePanelBytes, t += 8 * PANEL_ROW) {
        turnSquare(s, t)
        turnSquare(s + 16, t + 4 * PANEL_ROW)
      }
    }
  }
}

// Transposes 4 × 4 values.
// @ts-ignore: decorator
@inline
function turnSquare(source: usize, target: usize): void {
  const a = v128.load(source), b = v128.load(source, 32), c = v128.load(source, 64), d = v128.load(source, 96)
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5)
  v128.store(target, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5))
  v128.store(target, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7), 32)
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7), cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7)
  v128.store(target, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5), 64)
  v128.store(target, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7), 96)
}

// Copies rows of values, `pitch` bytes apart, into panels, for products of two outputs of layers.
export function packRows(source: usize, pitch: usize, rows: i32, panels: i32, target: usize, panelBytes: usize): void {
  for (let panel = 0; panel < panels; panel++, source += PANEL_ROW, target += panelBytes) {
    let s = source
    for (let t = target, end = target + <usize>rows * PANEL_ROW; t < end; t += PANEL_ROW, s += pitch) {
      v128.store(t, v128.load(s))
      v128.store(t, v128.load(s, 16), 16)
    }
  }
}

// Copies panels to rows: the reverse of `packRows`.
export function unpackRows(source: usize, panelBytes: usize, rows: i32, panels: i32, target: usize, pitch: usize): void {
  for (let panel = 0; panel < panels; panel++, source += panelBytes, target += PANEL_ROW) {
    let t = target
    for (let s = source, end = source + <usize>rows * PANEL_ROW; s < end; s += PANEL_ROW, t += pitch) {
      v128.store(t, v128.load(s))
      v128.store(t, v128.load(s, 16), 16)
    }
  }
}
