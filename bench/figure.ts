/**
 * One measured figure. With a baseline, which was measured in the same run, `ratio` > 1 means better than the baseline.
 */
export interface Figure {
  readonly figure: string
  readonly value: number
  readonly unit: string
  readonly baseline?: number
  readonly ratio?: number
}

/** A suite reports each figure as soon as it is measured. */
export type Suite = (report: (figure: Figure) => void) => Promise<void>
