import { existsSync, readdirSync, readFileSync } from 'node:fs'
import test from 'ava'

const pages = ['README.md', 'CONTRIBUTING.md', ...readdirSync('docs').map((name) => `docs/${name}`)].filter((page) =>
  page.endsWith('.md'),
)
const folders = '(?:runtime|sdk|actors|api|simulations|flamectl|examples|test|bench|scripts)'

test('every source file and folder of the project that a page names is there', (t) => {
  const missing = pages.flatMap((page) => {
    const text = readFileSync(page, 'utf8').replaceAll(/^```.*?^```$/gms, '')
    const named = text.matchAll(
      new RegExp(String.raw`(?<![\w./:-])(${folders}(?:/[\w.-]+)*/[\w-]{2,}(?:\.[\w-]+)*)/?(?![\w*])`, 'g'),
    )
    const paths = [...named].map(([, path = '']) => path).filter((path) => path.includes('/'))
    return paths.filter((path) => !existsSync(path)).map((path) => `${page}: ${path}`)
  })
  t.deepEqual(missing, [])
})

test('the layout in CONTRIBUTING.md has every room', (t) => {
  const layout = readFileSync('CONTRIBUTING.md', 'utf8')
  const rooms = ['runtime', 'sdk'].flatMap((layer) =>
    readdirSync(layer, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [`${layer}/${entry.name}`] : [],
    ),
  )
  t.deepEqual(
    [...rooms, 'actors', 'api', 'flamelet', 'simulations', 'flamectl'].filter(
      (room) => !layout.includes(`\`${room}\``),
    ),
    [],
  )
})
