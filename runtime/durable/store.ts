/** Bytes saved whole under a key, with the version that the next save must name. */
export interface Snapshot {
  readonly version: number
  readonly bytes: Uint8Array
}

export interface JournalEntry {
  /** From 1, without gaps, for the life of the journal's key; truncation doesn't renumber. */
  readonly number: number
  readonly bytes: Uint8Array
}

/** What a document may hold: plain JSON values, finite numbers among them. Others are refused with STORE_VALUE. */
export type DocumentValue =
  | string
  | number
  | boolean
  | null
  | readonly DocumentValue[]
  | { readonly [field: string]: DocumentValue }
export type DocumentFields = { readonly [field: string]: DocumentValue }

export interface StoredDocument<Fields extends DocumentFields = DocumentFields> {
  readonly id: string
  readonly version: number
  readonly fields: Fields
}

export interface NewDocument {
  readonly collection: string
  readonly id: string
  readonly fields: DocumentFields
}

export interface FindOptions {
  /** Top-level fields that must be there and equal these. Absent: all. */
  readonly where?: Readonly<Record<string, string | number | boolean | null>>
  /** Only ids that sort (by UTF-8 bytes) after this one. */
  readonly after?: string
  /** Only ids that begin with this, and are longer. */
  readonly below?: string
  readonly limit?: number
}

/** Documents with fields that a person can read, in named collections, found by id or by equality of top-level fields. */
export interface Documents {
  /** All or none. Versions begin at 1. STORE_EXISTS if an id is taken (or named twice). */
  insert(collection: string, documents: readonly Omit<NewDocument, 'collection'>[]): Promise<void>
  /** The same in any collections: whoever sees one of them sees all. */
  insertAll(documents: readonly NewDocument[]): Promise<void>
  get(collection: string, id: string): Promise<StoredDocument | undefined>
  /** Replaces the fields; returns the new version. STORE_VERSION if the present version is another, or the document is missing. */
  replace(collection: string, id: string, expectedVersion: number, fields: DocumentFields): Promise<number>
  /** False if there was none. */
  remove(collection: string, id: string): Promise<boolean>
  /** Removes those that are there, in few steps of the store; not all or none, if it's cut off. */
  removeAll(collection: string, ids: readonly string[]): Promise<void>
  /** In order of id (UTF-8 bytes). By equality of a field as fast as there are documents that fulfil it, but for the first such call. What changes while it's read may or may not be seen; each document is given once at most. */
  find(collection: string, options?: FindOptions): AsyncIterable<StoredDocument>
}

/**
 * Where durable actors keep their state. A call's promise resolves only when what it wrote would survive SIGKILL of the
 * process; the adapter says what it promises against power loss. A call that is refused changes nothing. Keys, ids and names
 * of collections are strings of 1 to 500 UTF-8 bytes without control characters; others are refused with STORE_KEY. Bytes and documents given are not kept by reference; those returned are the caller's own.
 * After close every call rejects with STORE_CLOSED, and so does a blob whose source hadn't ended yet.
 */
export interface Store {
  load(key: string): Promise<Snapshot | undefined>
  /** Expected version 0: there is none yet. Returns the new version (expected + 1). STORE_VERSION if another is present; nothing changes then. */
  save(key: string, expectedVersion: number, bytes: Uint8Array): Promise<number>
  /** Snapshot and journal of this key are gone, together; the key is as new, with version 0 and entries from 1. */
  remove(key: string): Promise<void>

  /**
   * Appends durably, in the order of the calls; returns the entry's number. With `expected`, the number that it is to get:
   * STORE_VERSION if the next one is another, and nothing is appended then.
   */
  append(key: string, bytes: Uint8Array, options?: { readonly expected?: number }): Promise<number>
  /** Entries present when the reading begins, in order. */
  read(key: string, options?: { readonly from?: number }): AsyncIterable<JournalEntry>
  /** Drops entries numbered up to and with this one. */
  truncate(key: string, upTo: number): Promise<void>

  readonly documents: Documents

  /**
   * Replaces a blob of any size, atomically: a reader sees the old bytes or the new. The source is consumed chunk by
   * chunk; one that fails leaves the old blob. Of two at once, the one that ends last stays.
   */
  putBlob(key: string, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void>
  /** Undefined if there is none; else its bytes in chunks of at most 256 KiB, those of this instant. */
  getBlob(key: string): Promise<AsyncIterable<Uint8Array> | undefined>
  removeBlob(key: string): Promise<void>

  /** Makes a small write as durable as any other. Rejects with what keeps the store from writing, as long as that lasts. */
  probe(): Promise<void>

  /** Waits for what was begun; again: nothing. */
  close(): Promise<void>
}

/** Snapshots and journals alone: what a durable actor or a role needs of a store. */
export type DurableStore = Pick<Store, 'load' | 'save' | 'remove' | 'append' | 'read' | 'truncate'>
