type Bundler = typeof import('esbuild')

let started: Promise<Bundler> | undefined

/** esbuild with its process started. The start takes a while, so call this early where a workload will be loaded. */
export function bundler(): Promise<Bundler> {
  started ??= start()
  return started
}

/** Calls esbuild, and once more with a new process if the process has ended, as by a kill. */
export async function bundled<Result>(
  call: (esbuild: Bundler) => Promise<Result>,
  isOfProcess: (cause: unknown) => boolean,
): Promise<Result> {
  const used = bundler()
  const esbuild = await used
  try {
    return await call(esbuild)
  } catch (cause) {
    if (!isOfProcess(cause)) throw cause
    // Another caller may have started a new process meanwhile.
    if (started === used) started = esbuild.stop().then(start)
    return call(await bundler())
  }
}

async function start(): Promise<Bundler> {
  const esbuild = await import('esbuild')
  await esbuild.initialize({})
  return esbuild
}
