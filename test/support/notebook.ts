import { type ActorRef, type Behavior, durableActor, type Store } from '../../runtime/index.ts'

export type NotebookMessage =
  | { readonly type: 'add'; readonly numbers: readonly number[]; readonly replyTo?: ActorRef<string> }
  | { readonly type: 'read'; readonly replyTo: ActorRef<string> }
  | { readonly type: 'break'; readonly within: 'handle' | 'promise' | 'apply' | 'effect' }

/** −1 can't be applied. */
type Added = { readonly type: 'added'; readonly number: number }

export interface NotebookSettings {
  readonly store: Store
  readonly key?: string
  readonly snapshotEvery?: number
  readonly onRecovered?: (numbers: readonly number[]) => void
}

/** A durable actor that notes numbers, each once, and changes its state in place. */
export function notebook({
  store,
  key = 'notebook',
  snapshotEvery,
  onRecovered,
}: NotebookSettings): Behavior<NotebookMessage> {
  return durableActor<NotebookMessage, number[], Added>({
    store,
    key,
    ...(snapshotEvery === undefined ? {} : { snapshotEvery }),
    initial: () => [],
    isState: (value): value is number[] => Array.isArray(value) && value.every((item) => typeof item === 'number'),
    isEvent: (value): value is Added =>
      typeof value === 'object' && value !== null && 'number' in value && typeof value.number === 'number',
    apply(state, { number }) {
      if (number === -1) throw new Error('broken in apply')
      state.push(number)
      return state
    },
    handle(state, message) {
      switch (message.type) {
        case 'add': {
          const added = message.numbers.filter((number) => !state.includes(number))
          const events = added.map((number): Added => ({ type: 'added', number }))
          return { events, effect: () => message.replyTo?.tell(`added ${message.numbers.join()}`) }
        }
        case 'read': {
          const text = state.join()
          return { effect: () => message.replyTo.tell(`read ${text}`) }
        }
        case 'break':
          return broken(message.within)
      }
    },
    recovered: (state) => onRecovered?.([...state]),
  })
}

function broken(within: 'handle' | 'promise' | 'apply' | 'effect') {
  switch (within) {
    case 'handle':
      throw new Error('broken in handle')
    case 'promise':
      return Promise.reject(new Error('broken in a promise'))
    case 'apply':
      return { events: [-2, -1].map((number): Added => ({ type: 'added', number })) }
    case 'effect':
      return {
        effect: () => {
          throw new Error('broken in an effect')
        },
      }
  }
}
