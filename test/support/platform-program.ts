import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const installer = fileURLToPath(new URL('../../../scripts/platform.js', import.meta.url))

/**
 * Path of a platform's program, such as `node-22` or `chromium`, which is installed if it is missing. Fails with a hint where
 * the program can't be installed.
 */
export async function programOf(platform: string): Promise<string> {
  const { stdout } = await run(process.execPath, [installer, platform]).catch(({ stderr }: { stderr: string }) => {
    throw new Error(`this test needs ${platform}, which could not be installed: ${stderr.trim()}`)
  })
  return stdout.trim()
}
