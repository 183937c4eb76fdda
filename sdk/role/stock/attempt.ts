import { fieldsOf, isCount } from '../../../runtime/index.ts'

/**
 * Names a run through all batches of a round by several ends that each have a part of the model. One end begins attempts,
 * and each later attempt has a greater number. A message of an earlier attempt has no effect.
 */
export interface Attempt {
  readonly round: number
  readonly attempt: number
}

/** More than the attempts at a round in one life of an end. */
const attemptsPerLife = 2 ** 16

/** The number of an attempt of this life of an end. A later life's attempts have greater numbers. */
export function attemptNumber(life: number, index: number): number {
  return life * attemptsPerLife + index
}

/** Whether a message belongs to an attempt. */
export function isOf({ round, attempt }: Attempt, message: object): boolean {
  return 'round' in message && message.round === round && 'attempt' in message && message.attempt === attempt
}

/** Whether a message belongs to an attempt that begins later. */
export function isAfter({ round, attempt }: Attempt, message: Attempt): boolean {
  return message.round > round || (message.round === round && message.attempt > attempt)
}

/** Whether a message names its attempt. */
export function isAttempt(message: unknown): message is Attempt {
  const { round, attempt } = fieldsOf(message)
  return isCount(round) && isCount(attempt)
}
