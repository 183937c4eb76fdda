import { answerStoreCall } from '../../actors/deployers/job-process/index.ts'
import type { Behavior, DurableStore } from '../../runtime/index.ts'
import { roleKey } from '../../sdk/index.ts'
import type { FromTask } from './task-protocol.ts'

export interface TaskKeeperParts {
  readonly store: DurableStore
  readonly run: string
  readonly end: string
  readonly onAlive: () => void
  /** The role's state of another round is durable. */
  readonly onCommitted: () => void
  readonly onTrained: (round: number) => void
}

/** Answers the calls of a task's process on the store: on the state of the task's own role alone. */
export function taskKeeper({ store, run, end, onAlive, onCommitted, onTrained }: TaskKeeperParts): Behavior<FromTask> {
  return (context) => (message) => {
    if (message.type === 'alive') return onAlive()
    if (message.type === 'trained') return onTrained(message.round)
    const { call, replyTo } = message
    // No key is of the empty run: the call is answered with JOB_STORE.
    const answered = answerStoreCall(store, call.key === roleKey(run, end) ? run : '', call)
    void context.track(answered).then((answer) => {
      if (call.method === 'save' && !answer.error) onCommitted()
      replyTo.tell({ ...answer })
    })
    return undefined
  }
}
