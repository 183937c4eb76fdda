import type { Duplex } from 'node:stream'
import { deserialize, serialize } from 'node:v8'
import { controllerError } from '../errors.ts'

/** Values to and from another process, each after its length in four bytes, as v8 writes them. */
export interface MessagePipe {
  /** Calls back once the value is on its way, or can't be any more. */
  send(value: unknown, then?: () => void): void
  /** Takes nothing more from the pipe until it's resumed: the other process waits, once the pipe is full. */
  pause(): void
  resume(): void
}

export interface PipeListener<Value> {
  heard(value: Value): void
  /** JOB_PROCESS_MESSAGE: what came is no value. Nothing more is heard. */
  broken(cause: Error): void
}

const lengthBytes = 4
/** The state of a role, whole: more than a thread's heap has room for otherwise. */
const mostBytes = 1024 ** 3

/**
 * Messages on a pipe whose other end may send anything. Node's own channel between processes isn't fit for that: what it can't
 * read, or takes for a message of Node's, ends the process that reads. What is heard is of any kind, unless the other end is trusted to send nothing else.
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

  /** Hears the value at this place of the bytes, and says how many it takes; 0 if it isn't there whole. */
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
    // What is large comes in many chunks, which are put together once.
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
  // The other process has ended, or ends: its end says so.
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
