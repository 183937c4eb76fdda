/** Runs pieces of work with the same name one after another. */
export type InTurn = <Result>(name: string, work: () => Promise<Result>) => Promise<Result>

export function turns(): InTurn {
  const last = new Map<string, Promise<void>>()
  return (name, work) => {
    const result = (last.get(name) ?? Promise.resolve()).then(work)
    const ended: Promise<void> = result.then(forget, forget)
    last.set(name, ended)
    return result

    function forget() {
      if (last.get(name) === ended) last.delete(name)
    }
  }
}
