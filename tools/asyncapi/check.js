// Has the parser of the AsyncAPI project read a document: node check.js FILE
import { fromFile, Parser } from '@asyncapi/parser'

const file = process.argv[2]
const { document, diagnostics } = await fromFile(new Parser(), file).parse()
// Severities are those of Spectral: 0 error, 1 warning, 2 information, 3 hint.
const findings = diagnostics.filter(d => d.severity < 2)
for (const d of findings) console.error(`${file}: ${d.path.join('/')}: ${d.message}`)
if (findings.length > 0 || !document) process.exit(1)
console.log(`${file}: AsyncAPI ${document.version()}, ${document.channels().length} channels, ${document.messages().length} messages`)
