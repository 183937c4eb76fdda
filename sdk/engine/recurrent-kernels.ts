/** Rows of a state before and after a step, in bytes from one example to the next. */
type StateRows = readonly [h: number, hNext: number, statePitch: number]

/** A step's output and its mask. Address 0: none. */
type StepOutput = readonly [y: number, yPitch: number, mask: number, maskPitch: number]

/** A gate's values, and what the recurrent product adds to them. */
type GateRows = readonly [z: number, zPitch: number, s: number, sPitch: number]

/** The gradient of a step's output, that of the state, and that which skipped steps and update gates hand on. */
type StepGradient = readonly [dy: number, dyPitch: number, dh: number, kept: number]

/** The compiled functions of recurrent layers; conventions as in `Kernels`. Activations are numbers of `cellActivations`. */
export interface RecurrentKernels {
  lstmStep(
    rows: number,
    units: number,
    width: number,
    kind: number,
    gateKind: number,
    ...rest: [
      ...gates: GateRows,
      h: number,
      c: number,
      hNext: number,
      cNext: number,
      statePitch: number,
      ...output: StepOutput,
    ]
  ): void
  lstmGradient(
    rows: number,
    width: number,
    kind: number,
    gateKind: number,
    z: number,
    zPitch: number,
    c: number,
    cNext: number,
    statePitch: number,
    dy: number,
    dyPitch: number,
    dh: number,
    dc: number,
    kept: number,
    mask: number,
    maskPitch: number,
  ): void
  gruGates(
    rows: number,
    width: number,
    gateKind: number,
    ...rest: [...gates: GateRows, h: number, statePitch: number, reset: number, resetPitch: number]
  ): void
  gruStep(
    rows: number,
    units: number,
    width: number,
    kind: number,
    ...rest: [...gates: GateRows, ...state: StateRows, ...output: StepOutput]
  ): void
  gruStepGradient(
    rows: number,
    width: number,
    kind: number,
    gateKind: number,
    z: number,
    zPitch: number,
    h: number,
    statePitch: number,
    ...rest: [...gradient: StepGradient, mask: number, maskPitch: number, work: number]
  ): void
  gruGatesGradient(
    rows: number,
    width: number,
    gateKind: number,
    z: number,
    zPitch: number,
    h: number,
    statePitch: number,
    dReset: number,
    kept: number,
    mask: number,
    maskPitch: number,
    work: number,
  ): void
  simpleStep(
    rows: number,
    units: number,
    width: number,
    kind: number,
    ...rest: [...gates: GateRows, ...state: StateRows, ...output: StepOutput]
  ): void
  simpleGradient(
    rows: number,
    width: number,
    kind: number,
    z: number,
    zPitch: number,
    hNext: number,
    statePitch: number,
    ...rest: [...gradient: StepGradient, mask: number, maskPitch: number]
  ): void
  packGates(source: number, rows: number, units: number, gates: number, target: number, panelBytes: number): void
  unpackGates(source: number, panelBytes: number, rows: number, units: number, gates: number, target: number): void
  maskOfRows(x: number, pitch: number, rows: number, channels: number, value: number, mask: number): void
  maskRows(x: number, xPitch: number, mask: number, rows: number, y: number, yPitch: number, bytes: number): void
}

export const recurrentKernelNames: readonly (keyof RecurrentKernels)[] = [
  'lstmStep',
  'lstmGradient',
  'gruGates',
  'gruStep',
  'gruStepGradient',
  'gruGatesGradient',
  'simpleStep',
  'simpleGradient',
  'packGates',
  'unpackGates',
  'maskOfRows',
  'maskRows',
]
