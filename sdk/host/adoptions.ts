import { type DurableStore, decode, encode, listOf } from '../../runtime/index.ts'
import type { Notice } from '../role/role.ts'
import { type Adoption, decodeAdoption } from './places.ts'
import type { Adoptions } from './rendezvous.ts'
import { roleKey } from './round-keeper.ts'

/** No end has this name, since the names of ends have numbers. */
const keyOf = (run: string) => roleKey(run, 'rendezvous')

/** Keeps a run's adoptions in a store, and tells each new one to people. */
export function storedAdoptions(
  store: DurableStore,
  run: string,
  tell: (end: string, notice: Notice) => void,
): Adoptions {
  let present: readonly Adoption[] = []
  let version = 0
  return {
    async load() {
      const found = await store.load(keyOf(run))
      version = found?.version ?? 0
      present = (found && listOf(decode(found.bytes), decodeAdoption)) ?? []
      return present
    },
    async record(adoption) {
      const { end, heirs } = adoption
      present = [...present, adoption]
      version = await store.save(keyOf(run), version, encode(present))
      const message = `${end} has failed for good: the ends below it are below ${heirs.join(', ')} from the next rounds on`
      tell(end, { code: 'AGGREGATOR_REPLACED', message })
    },
  }
}

/** Removes the adoptions of a run that is removed, or begins anew. */
export function forgetAdoptions(store: DurableStore, run: string): Promise<void> {
  return store.remove(keyOf(run))
}
