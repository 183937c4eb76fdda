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

/**
 * A layer as docs/models.md describes it. The values and defaults of its settings come from the layer's builder, which
 * the page asks for the example.
 */
export interface LayerEntry {
  /** The class in Keras JSON. */
  readonly className: string
  /** What the layer computes. */
  readonly summary: string
  /** The paper. */
  readonly source?: string
  /** By setting, in the form of Keras JSON: its effect. Those of `usualSettings` may be left out. */
  readonly settings?: Readonly<Record<string, string>>
  /** Settings and the shapes of inputs for which the layer can be built. Absent: the layer has no builder of its own. */
  readonly example?: {
    readonly config?: Readonly<Record<string, unknown>>
    readonly inputs: readonly (readonly number[])[]
  }
}
