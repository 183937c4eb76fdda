let started: Promise<typeof import('esbuild')> | undefined

/** esbuild with its process started. The start takes a while, so call this early where a workload will be loaded. */
export function bundler(): Promise<typeof import('esbuild')> {
  started ??= start()
  return started
}

async function start(): Promise<typeof import('esbuild')> {
  const esbuild = await import('esbuild')
  await esbuild.initialize({})
  return esbuild
}
