import { type ActorRef, isActorRef } from '../../runtime/index.ts'

/** What the measured server hears. */
export type BenchMessage =
  | { readonly type: 'progress'; readonly task: string; readonly round: number; readonly loss: number }
  /** Answers when this number of further messages has come. */
  | { readonly type: 'expect'; readonly count: number; readonly replyTo: ActorRef<unknown> }
  /** Answers, with the server's own weights if weights came. */
  | { readonly type: 'echo'; readonly weights?: Float32Array; readonly replyTo: ActorRef<unknown> }
  /** An update, which the server adds to its sum, or drops. */
  | { readonly type: 'update'; readonly weights: Float32Array; readonly isAdded: boolean }

/** A message of some 60 bytes, as a task sends often. */
export function progress(round: number): BenchMessage {
  return { type: 'progress', task: 'trainer-17', round, loss: 0.25 + round }
}

export function decodeBenchMessage(value: unknown): BenchMessage | undefined {
  const { type, task, round, loss, count, replyTo, weights, isAdded } = Object(value)
  switch (type) {
    case 'progress':
      return { type, task, round, loss }
    case 'expect':
      return isActorRef<unknown>(replyTo) ? { type, count, replyTo } : undefined
    case 'echo':
      return isActorRef<unknown>(replyTo) ? { type, weights, replyTo } : undefined
    case 'update':
      return weights instanceof Float32Array ? { type, weights, isAdded } : undefined
    default:
      return undefined
  }
}

/** Number of messages that a sender tells in one turn. */
export const turnMessages = 512

/** Number of weights of the FedAvg paper's CNN: 6.6 MB. */
export const weightCount = 1_663_370
