import type { Duplex } from 'node:stream'
import { deserialize, serialize } from 'node:v8'
import { controllerError } from '../errors.ts'

/** Sends values to another process: each value in v8's serialization, after its length in four bytes. */
export interface MessagePipe {
  /** Calls `then` once the value is written, or can't be written any more. */
  send(value: unknown, then?: () => void): void
  /** Reads nothing more until `resume`: the other process waits, once the pipe is full. */
  pause(): void
  resume(): void
}

export interface PipeListener<Value> {
  heard(value: Value): void
  /** The bytes can't be read: JOB_PROCESS_MESSAGE. No value is heard after that. */
  broken(cause: Error): void
}

const lengthBytes = 4
/** Largest message: the whole state of a role, in more bytes than a process with usual settings has room for. */
const mostBytes = 1024 ** 3

/**
 * Sends and hears values on a pipe whose other end may send anything. Node's own channel between processes won't do:
 * bytes that it can't read, or takes for a message of Node's own, end the reading process. `heard` gets unchecked
 * values: choose a `Value` other than `unknown` only if the other end is trusted.
 */
export function messagePipe<Value>(pipe: Duplex, { heard, broken }: PipeListener<Value>): MessagePipe {
  let chunks: Buffer[] = []
  let size = 0
  let needed = lengthBytes
  let isBroken = false

  function end(cause: unknown): void {
    isBroken = true
    chunks = []
    pipe.destroy()
    const found = cause instanceof Error ? cause.message : cause
    broken(controllerError('JOB_PROCESS_MESSAGE', { found }, { cause }))
  }

  /** Hears the value at an offset of the bytes. Returns the bytes that were read; 0 if the value isn't complete. */
  function takeFrom(bytes: Buffer, at: number): number {
    needed = lengthBytes
    if (bytes.length < at + needed) return 0
    const length = bytes.readUInt32BE(at)
    if (length > mostBytes) throw new RangeError(`a message of ${length} bytes, where ${mostBytes} are the most`)
    needed = lengthBytes + length
    if (bytes.length < at + needed) return 0
    heard(deserialize(bytes.subarray(at + lengthBytes, at + needed)))
    return needed
  }

  pipe.on('data', (chunk: Buffer) => {
    if (isBroken) return
    chunks.push(chunk)
    size += chunk.length
    // A large value comes in many chunks, which are joined once.
    if (size < needed) return
    const bytes = Buffer.concat(chunks)
    let at = 0
    try {
      for (let taken = takeFrom(bytes, at); taken > 0; taken = takeFrom(bytes, at)) at += taken
    } catch (cause) {
      return end(cause)
    }
    chunks = [bytes.subarray(at)]
    size = bytes.length - at
  })
  // The other process has ended, or is about to: its event `close` tells so.
  pipe.on('error', () => {})
  return {
    send(value, then = () => {}) {
      const bytes = serialize(value)
      const length = Buffer.alloc(lengthBytes)
      length.writeUInt32BE(bytes.length)
      pipe.cork()
      pipe.write(length)
      pipe.write(bytes, () => then())
      pipe.uncork()
    },
    pause: () => void pipe.pause(),
    resume: () => void pipe.resume(),
  }
}
