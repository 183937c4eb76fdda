import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Writes the data of the workload `wards`: a file for each client, and one for the test. Answers with the paths by name. */
export async function wardFiles(folder: string, clients: number): Promise<Record<string, string>> {
  const paths: Record<string, string> = {}
  for (const [at, name] of [...Array.from({ length: clients }, (_, client) => String(client)), 'test'].entries()) {
    const rows = Array.from({ length: 5 + at }, (_, row) => `${row + at},${(row * (at + 2)) % 7},${(row * at) % 3}`)
    const path = join(folder, `ward-${name}.csv`)
    await writeFile(path, `age,pulse,stay\n${rows.join('\n')}\n`)
    paths[name] = path
  }
  return paths
}
