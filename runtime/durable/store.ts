/** Bytes saved whole under a key, and the version that the next save must name. */
export interface Snapshot {
  readonly version: number
  readonly bytes: Uint8Array
}

export interface JournalEntry {
  /** Counts from 1, without gaps, for the life of the journal's key; truncation doesn't renumber. */
  readonly number: number
  readonly bytes: Uint8Array
}

/** Values of a document: plain JSON with finite numbers. STORE_VALUE refuses other values. */
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
  /** Values that top-level fields must have. Absent: all documents. */
  readonly where?: Readonly<Record<string, string | number | boolean | null>>
  /** Only ids that sort (by UTF-8 bytes) after this id. */
  readonly after?: string
  /** Only ids that begin with this text and are longer. */
  readonly below?: string
  readonly limit?: number
}

/** Documents with readable fields, in named collections, found by id or by equality of top-level fields. */
export interface Documents {
  /** Inserts all documents or none, with version 1. STORE_EXISTS if an id is taken, or named twice. */
  insert(collection: string, documents: readonly Omit<NewDocument, 'collection'>[]): Promise<void>
  /** Inserts documents of any collections, all or none; a reader that sees one of them sees all. */
  insertAll(documents: readonly NewDocument[]): Promise<void>
  get(collection: string, id: string): Promise<StoredDocument | undefined>
  /** Replaces the fields; returns the new version. STORE_VERSION if the document has another version, or is missing. */
  replace(collection: string, id: string, expectedVersion: number, fields: DocumentFields): Promise<number>
  /** Removes a document; false if the document was missing. */
  remove(collection: string, id: string): Promise<boolean>
  /** Removes the documents that are there, in few steps of the store. A removal that is cut off may remove some of them. */
  removeAll(collection: string, ids: readonly string[]): Promise<void>
  /**
   * Gives documents in order of id (UTF-8 bytes). A search by equality takes time in proportion to the documents found, except
   * for the first search by a field. A reader may or may not see concurrent changes, and sees each document at most once.
   */
  find(collection: string, options?: FindOptions): AsyncIterable<StoredDocument>
}

/**
 * Keeps the state of actors. A call's promise resolves only when the written data would survive SIGKILL of the process; each
 * adapter states its promise against power loss. A refused call changes nothing. Keys, ids and names of collections are strings
 * of 1 to 500 UTF-8 bytes without control characters; STORE_KEY refuses others. A store copies the bytes and documents that it
 * is given; returned ones are the caller's own. After `close` every call rejects with STORE_CLOSED, and so does a `putBlob`
 * whose source hadn't ended.
 */
export interface Store {
  load(key: string): Promise<Snapshot | undefined>
  /** Saves a snapshot; returns the new version, expected + 1. Expected version 0: the key has none yet. STORE_VERSION if another version is present. */
  save(key: string, expectedVersion: number, bytes: Uint8Array): Promise<number>
  /** Removes snapshot and journal of a key, together. The key is as new, with version 0 and entries from 1. */
  remove(key: string): Promise<void>

  /**
   * Appends an entry, in the order of the calls; returns the entry's number. `expected` is the number that the entry must get:
   * STORE_VERSION if the next number is another.
   */
  append(key: string, bytes: Uint8Array, options?: { readonly expected?: number }): Promise<number>
  /** Gives, in order, the entries that are present when the reading begins. */
  read(key: string, options?: { readonly from?: number }): AsyncIterable<JournalEntry>
  /** Drops entries up to and including number `upTo`. */
  truncate(key: string, upTo: number): Promise<void>

  readonly documents: Documents

  /**
   * Replaces a blob of any size, atomically: a reader sees the old bytes or the new. The source is consumed chunk by chunk; a
   * source that fails leaves the old blob. Of two concurrent calls, the call that ends last determines the blob.
   */
  putBlob(key: string, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void>
  /** Gives a blob's present bytes in chunks of at most 256 KiB; undefined if there is no blob. */
  getBlob(key: string): Promise<AsyncIterable<Uint8Array> | undefined>
  removeBlob(key: string): Promise<void>

  /** Makes a small durable write. Rejects with the trouble, as long as the store can't be written. */
  probe(): Promise<void>

  /** Waits for all begun calls, and closes the store. Closing again does nothing. */
  close(): Promise<void>
}

/** The calls for snapshots and journals, which suffice for a role. */
export type DurableStore = Pick<Store, 'load' | 'save' | 'remove' | 'append' | 'read' | 'truncate'>
