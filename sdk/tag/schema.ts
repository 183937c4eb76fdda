/** Topology abstraction graph: roles joined by channels, grouped. Field names are the wire format. */
export interface Schema {
  readonly name: string
  readonly description?: string
  /** The data consumers hold different features of the same examples, and different ones may be joined directly. */
  readonly isVertical?: boolean
  readonly roles: readonly SchemaRole[]
  readonly channels: readonly SchemaChannel[]
  readonly connectors?: readonly SchemaConnector[]
  readonly revision?: number
}

export interface SchemaRole {
  readonly name: string
  readonly description?: string
  /** One task per dataset. */
  readonly isDataConsumer?: boolean
  /** For a role that is no data consumer: tasks per group association. Absent or ≤ 0: 1. */
  readonly replica?: number
  readonly groupAssociation?: readonly GroupAssociation[]
}

/** Channel name → group, an entry for each channel that the task joins. */
export type GroupAssociation = Readonly<Record<string, string>>

export interface SchemaChannel {
  readonly name: string
  /** The two roles it joins; the same one twice for peers. */
  readonly pair: readonly string[]
  readonly description?: string
  readonly groupBy?: { readonly type: 'tag'; readonly value: readonly string[] }
  /** For each role of the pair, the names of the functions that use the channel. */
  readonly funcTags?: Readonly<Record<string, readonly string[]>>
  readonly backend?: string
  readonly brokerHost?: string
  readonly isUnidirectional?: boolean
}

export interface SchemaConnector {
  readonly name: string
  readonly connection: string
  readonly description?: string
}
