import { writeFile } from 'node:fs/promises'
import { pages } from './pages.ts'

for (const [file, page] of pages) await writeFile(file, await page())
