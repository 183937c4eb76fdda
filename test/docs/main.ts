import { writeFile } from 'node:fs/promises'
import { algorithmsPage } from './algorithms-page.ts'

await writeFile('docs/algorithms.md', algorithmsPage())
