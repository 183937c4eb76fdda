/** Does one piece of work at a time for each key, in the order of the calls; different keys don't wait for each other. */
export function turnsByKey(): <Result>(key: string, work: () => Promise<Result>) => Promise<Result> {
  const last = new Map<string, Promise<unknown>>()
  return async (key, work) => {
    // How the one before ended is its own asker's matter.
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
