import { defineConfig } from 'vite'

export default defineConfig({
  // Workers that are modules may load parts of flame-fl when they need them.
  worker: { format: 'es' },
  build: { target: 'es2023' },
  // The page's own server hands the links of flamelets on to flamectl up.
  server: { proxy: { '/link': { target: 'http://127.0.0.1:10100', ws: true } } },
})
