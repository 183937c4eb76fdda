/** Exit status after a stop on a signal, as shells count them. */
export const stoppedStatus = { SIGINT: 130, SIGTERM: 143 } as const

/** The first signal asks for a graceful stop; the second ends the process at once. */
export function onStopSignals(stop: (status: number) => void): void {
  let asked = false
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (asked) process.exit(stoppedStatus[name])
      asked = true
      stop(stoppedStatus[name])
    })
  }
}
