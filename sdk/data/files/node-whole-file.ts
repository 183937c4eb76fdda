import { readFileSync } from 'node:fs'

/** Reads a whole file. What it gives may be shared with others, and isn't changed. */
export type FileReader = (path: string | URL) => Uint8Array

let reader: FileReader = readFileSync

export function readWholeFile(path: string | URL): Uint8Array {
  return reader(path)
}

/** Lets whole files of this thread be read by another reader, such as one that shares them between threads. */
export function readFilesWith(other: FileReader): void {
  reader = other
}
