import { readFileSync } from 'node:fs'
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { FileReader } from './node-file-content.ts'

/** A worker's line to the thread that reads files for all workers. */
export interface FileLine {
  readonly port: MessagePort
  /** One int32, 0 while the worker waits for an answer. */
  readonly answered: SharedArrayBuffer
}

/** Files that several workers read into memory once. */
export interface SharedFiles {
  /** Makes a line for one worker, to be transferred to the worker. */
  line(): FileLine
}

/** Reads each file once, when the first worker asks for it, and keeps the bytes for all workers. */
export function sharedFiles(): SharedFiles {
  const files = new Map<string, SharedArrayBuffer>()
  const share = (path: string): SharedArrayBuffer | undefined => {
    const known = files.get(path)
    if (known) return known
    try {
      const bytes = readFileSync(path.startsWith('file:') ? new URL(path) : path)
      const shared = new SharedArrayBuffer(bytes.length)
      new Uint8Array(shared).set(bytes)
      files.set(path, shared)
      return shared
    } catch {
      return undefined // The worker reads the file itself, and reports the fault.
    }
  }
  return {
    line() {
      const { port1, port2 } = new MessageChannel()
      const answered = new SharedArrayBuffer(4)
      port1.on('message', (path: string) => {
        port1.postMessage(share(path))
        Atomics.store(new Int32Array(answered), 0, 1)
        Atomics.notify(new Int32Array(answered), 0)
      })
      // The line must not keep the process alive.
      port1.unref()
      return { port: port2, answered }
    },
  }
}

/** A file reader for a worker: asks over the line, and reads a file itself where the other side can't. */
export function fileReaderOver({ port, answered }: FileLine): FileReader {
  const answer = new Int32Array(answered)
  return (path) => {
    Atomics.store(answer, 0, 0)
    port.postMessage(String(path))
    Atomics.wait(answer, 0, 0)
    const shared: unknown = receiveMessageOnPort(port)?.message
    return shared instanceof SharedArrayBuffer ? new Uint8Array(shared) : readFileSync(path)
  }
}
