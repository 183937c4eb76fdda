let started: Promise<typeof import('esbuild')> | undefined

/** esbuild, its process started: that takes a while, so whoever will load a workload may ask for it before. */
export function bundler(): Promise<typeof import('esbuild')> {
  started ??= start()
  return started
}

async function start(): Promise<typeof import('esbuild')> {
  const esbuild = await import('esbuild')
  await esbuild.initialize({})
  return esbuild
}
