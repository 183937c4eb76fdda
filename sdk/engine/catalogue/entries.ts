/** A setting as docs/models.md describes it. */
export interface SettingEntry {
  /** The values that it takes. */
  readonly values: string
  /** Absent: the setting is required, or has no effect where it's absent. */
  readonly default?: unknown
  /** One line: its effect. */
  readonly help: string
}

/** An initializer, an optimizer, a loss or a metric as docs/models.md describes it. */
export interface Entry {
  readonly name: string
  /** One line: what it computes. */
  readonly summary: string
  /** The paper. */
  readonly source?: string
  readonly settings?: Readonly<Record<string, SettingEntry>>
}
