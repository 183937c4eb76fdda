/**
 * Runs one piece of work at a time for each key, in the order of the calls. Different keys don't wait for each other.
 */
export function turnsByKey(): <Result>(key: string, work: () => Promise<Result>) => Promise<Result> {
  const last = new Map<string, Promise<unknown>>()
  return async (key, work) => {
    // An error of the work before concerns its own caller alone.
    const before = last.get(key)?.catch(() => {})
    const done = before ? before.then(work) : work()
    last.set(key, done)
    try {
      return await done
    } finally {
      if (last.get(key) === done) last.delete(key)
    }
  }
}
