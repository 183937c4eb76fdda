import { isRefusal } from '../model/errors.ts'

/** Attempts of a change that another writer comes before. Each that fails is another's that succeeded. */
const mostAttempts = 100

/** Does a change that reads, then writes what it expects to be unchanged: again if another writer was faster. */
export async function attempted<Value>(change: () => Promise<Value>): Promise<Value> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await change()
    } catch (cause) {
      if (!(isRefusal(cause) && cause.code === 'WRITTEN_MEANWHILE') || attempt === mostAttempts) throw cause
    }
  }
}
