// Documents by docx, pptxgenjs, exceljs, SheetJS, PDFKit, jsPDF, pdf-lib and marked; run where these are installed.
import { createRequire } from "node:module";
import { T, save } from "./writing.mjs";

const need = createRequire(process.cwd() + "/");
const docx = need("docx");
const { TextRun, Paragraph } = docx;
const text = (value) => new Paragraph({ children: [new TextRun(value)] });
const table = (rows) =>
  new docx.Table({
    rows: rows.map(
      (row) => new docx.TableRow({ children: row.map((cell) => new docx.TableCell({ children: [text(cell)] })) }),
    ),
  });

async function word(name, options, ...given) {
  save(name, await docx.Packer.toBuffer(new docx.Document(options)), ...given);
}

await word(
  "docx-js-letter.docx",
  {
    sections: [
      {
        headers: { default: new docx.Header({ children: [text(T.header)] }) },
        footers: { default: new docx.Footer({ children: [text(T.footer)] }) },
        children: [text(T.title), text(T.intro), table(T.table), text(T.quote)],
      },
    ],
  },
  T.header, T.footer, T.title, T.intro, T.table, T.quote,
);
await word(
  "docx-js-signs.docx",
  {
    sections: [
      {
        children: [
          new Paragraph({ children: [new TextRun("Call 555"), new TextRun({ children: [new docx.NoBreakHyphen()] }), new TextRun("0199 now")] }),
          new Paragraph({ children: [new docx.CheckBox({ checked: true }), new TextRun(" agreed")] }),
          new Paragraph({ children: [new docx.CheckBox({ checked: false }), new TextRun(" refused")] }),
          new Paragraph({ children: [new docx.SymbolRun("F0FE"), new TextRun(" ticked")] }),
          new Paragraph({ children: [new TextRun("About 10"), new TextRun({ text: "6", superScript: true }), new TextRun(" cells")] }),
        ],
      },
    ],
  },
  "Call 555-0199 now ☒ agreed ☐ refused ticked About 10^6 cells",
);
const M = docx;
const run = (value) => new M.MathRun(value);
await word(
  "docx-js-maths.docx",
  {
    sections: [
      {
        children: [
          new Paragraph({
            children: [
              new TextRun("Shares: "),
              new M.Math({ children: [new M.MathFraction({ numerator: [run("3")], denominator: [run("4")] })] }),
              new TextRun(" and "),
              new M.Math({ children: [new M.MathSuperScript({ children: [run("10")], superScript: [run("6")] })] }),
              new TextRun(" and "),
              new M.Math({ children: [new M.MathRadical({ children: [run("9")] })] }),
              new TextRun(" and "),
              new M.Math({ children: [new M.MathSubScript({ children: [run("v")], subScript: [run("0")] })] }),
              new TextRun(" done."),
            ],
          }),
        ],
      },
    ],
  },
  "Shares and 3/4 10^6 √9 v_0 done",
);
await word(
  "docx-js-notes.docx",
  {
    comments: { children: [{ id: 0, author: "Wilhelmina", date: new Date("2025-01-01"), children: [text(T.comment)] }] },
    footnotes: { 1: { children: [text(T.note)] } },
    sections: [
      {
        children: [
          new Paragraph({ children: [new docx.CommentRangeStart(0), new TextRun(T.harvest), new docx.CommentRangeEnd(0), new docx.FootnoteReferenceRun(1)] }),
        ],
      },
    ],
  },
  T.harvest, T.comment, T.note,
);
await word(
  "docx-js-changes.docx",
  {
    sections: [
      {
        children: [
          new Paragraph({
            children: [
              new TextRun("The fee is "),
              new docx.InsertedTextRun({ text: "seventy", id: 0, author: "W", date: "2025-01-01T00:00:00Z" }),
              new docx.DeletedTextRun({ text: "sixty", id: 1, author: "W", date: "2025-01-01T00:00:00Z" }),
              new TextRun(" crowns."),
            ],
          }),
          text(T.compound),
        ],
      },
    ],
  },
  "The fee is seventy crowns", T.compound,
);

await word(
  "docx-js-textbox.docx",
  { sections: [{ children: [text(T.title), new docx.Textbox({ children: [new TextRun(T.items[1])], style: { width: "200pt" } }), text(T.intro)] }] },
  T.title, T.items[1], T.intro,
);

const Deck = need("pptxgenjs");
async function deck(name, fill, ...given) {
  const made = new Deck();
  fill(made);
  save(name, await made.write({ outputType: "nodebuffer" }), ...given);
}
await deck("pptxgenjs-talk.pptx", (made) => {
  for (const [title, body, note] of T.slides) {
    const slide = made.addSlide();
    slide.addText(title, { x: 1, y: 0.5, w: 8, h: 1 });
    slide.addText(body, { x: 1, y: 2, w: 8, h: 1 });
    slide.addNotes(note);
    slide.slideNumber = { x: 9, y: 5 };
  }
}, T.slides);
await deck("pptxgenjs-table.pptx", (made) => {
  made.addSlide().addTable(T.table.map((row) => row.map((cell) => ({ text: cell }))), { x: 1, y: 1, w: 8 });
}, T.table);
await deck("pptxgenjs-chart.pptx", (made) => {
  const series = T.chart.series.map(([name, values]) => ({ name, labels: T.chart.categories, values }));
  made.addSlide().addChart(made.charts.BAR, series, { x: 1, y: 1, w: 8, h: 4, showTitle: true, title: T.chart.title });
}, T.chart.title, T.chart.categories, T.chart.series.map(([name]) => name));

const Excel = need("exceljs");
const book = new Excel.Workbook();
const sheet = book.addWorksheet("Orders");
sheet.addRow(["Customer", "Ordered", "Share", "Zip"]);
const row = sheet.addRow(["Grünwald & Söhne", new Date(Date.UTC(2025, 4, 17)), 0.125, 1067]);
row.getCell(2).numFmt = "yyyy-mm-dd";
row.getCell(3).numFmt = "0.0%";
row.getCell(4).numFmt = "00000";
sheet.getCell("A4").value = { richText: [{ text: "partly " }, { font: { bold: true }, text: "delivered" }] };
sheet.getCell("A5").value = { formula: "SUM(C2:C2)", result: 0.125 };
sheet.getCell("A6").value = { text: "manual", hyperlink: "https://example.com/manual" };
sheet.getCell("B4").note = T.comment;
save("exceljs-orders.xlsx", Buffer.from(await book.xlsx.writeBuffer()),
  "Orders Customer Ordered Share Zip Grünwald & Söhne 2025-05-17 12.5% 01067 partly delivered 0.125 manual", T.comment);
const streamed = new Excel.Workbook();
for (const [name, rows] of [["Crops", T.table], ["Varieties", T.inner]]) streamed.addWorksheet(name).addRows(rows);
save("exceljs-crops.xlsx", Buffer.from(await streamed.xlsx.writeBuffer()), "Crops Varieties", T.table, T.inner);

const XLSX = need("xlsx");
const sheets = XLSX.utils.book_new();
const made = XLSX.utils.aoa_to_sheet([["Part", "When", "Paid"], ["Łącznik nr 7", new Date(2025, 0, 30), true], ["Κλειδί", null, 0.5]], { cellDates: true });
made.B2.z = "yyyy-mm-dd";
made.C3.z = "0%";
XLSX.utils.book_append_sheet(sheets, made, "Parts");
save("sheetjs-parts.xlsx", XLSX.write(sheets, { type: "buffer", bookType: "xlsx", compression: true }),
  "Parts Part When Paid Łącznik nr 7 2025-01-30 TRUE Κλειδί 50%");
save("sheetjs-table.html", Buffer.from(XLSX.utils.sheet_to_html(XLSX.utils.aoa_to_sheet(T.table))), T.table);

const drawn = (document) =>
  new Promise((resolve) => {
    const parts = [];
    document.on("data", (part) => parts.push(part));
    document.on("end", () => resolve(Buffer.concat(parts)));
    document.end();
  });
const Kit = need("pdfkit");
let kit = new Kit();
for (const value of [T.title, T.intro, T.harvest, T.compound, T.french]) kit.text(value).moveDown();
save("pdfkit-report.pdf", await drawn(kit), T.title, T.intro, T.harvest, T.compound, T.french);
kit = new Kit();
kit.text("Keeper:", 50, 50).font("Helvetica");
kit.initForm();
kit.formText("keeper", 50, 70, 200, 20, { value: "Persephone" });
save("pdfkit-form.pdf", await drawn(kit), "Keeper Persephone");

const { jsPDF } = need("jspdf");
const js = new jsPDF();
js.text(js.splitTextToSize(`${T.title} ${T.intro} ${T.compound}`, 170), 15, 20);
save("jspdf-report.pdf", Buffer.from(js.output("arraybuffer")), T.title, T.intro, T.compound);

const { PDFDocument } = need("pdf-lib");
const lib = await PDFDocument.create();
const page = lib.addPage();
page.drawText("Application of the year", { x: 50, y: 750 });
const form = lib.getForm();
const field = form.createTextField("applicant");
field.setText("Quintessa Marlowe");
field.addToPage(page, { x: 50, y: 700 });
const choice = form.createDropdown("district");
choice.addOptions(["Altstadt", "Hafen"]);
choice.select("Hafen");
choice.addToPage(page, { x: 50, y: 650 });
save("pdf-lib-form.pdf", Buffer.from(await lib.save()), "Application of the year Quintessa Marlowe Hafen");

const { marked } = need("marked");
const tasks = `# ${T.title}\n\n${T.intro}\n\n- [x] ${T.items[0]}\n- [ ] ${T.items[1]}\n\n${T.compound}\n`;
save("marked-tasks.md", Buffer.from(tasks), T.title, T.intro, T.items.slice(0, 2), T.compound);
save("marked-tasks.html", Buffer.from(marked.parse(tasks)), T.title, T.intro, T.items.slice(0, 2), T.compound);

const html = `<h1>${T.title}</h1><p>${T.intro}</p><ul>${T.items.map((item) => `<li>${item}</li>`).join("")}</ul>`;
save("html-to-docx-report.docx", Buffer.from(await need("html-to-docx")(html)), T.title, T.intro, T.items);
