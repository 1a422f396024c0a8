//! Reports in a browser: the demo's four reports and their overview in Chromium, on a wide screen, on a dark phone and on paper.
//!
//! `browser/check.js` is put at the end of a copy of each page and leaves what it finds: errors, text that is cut, faint labels, links that lead
//! nowhere, sorting, values beside the pointer, filters. Dark mode and paper are copies whose media queries are written for them. Chromium is started
//! as a program, which needs no crate: `headless_chrome` takes 234 CPU-seconds to build, most of it the whole DevTools protocol.
//!
//! Each page is printed to PDF as well, and `pdftotext` (Debian: poppler-utils) says where every word is: none lies beyond its page, and no cell of a table is missing.
//!
//! Without Chromium or pdftotext the tests say that they were skipped. `OFFCUT_CHROMIUM` names another program.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::offcut;
use predicates::str::contains;

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
enum View {
    /// A wide screen.
    Wide,
    /// A phone at night.
    DarkPhone,
    /// Paper, as wide as an A4 page between its margins.
    Paper,
}

impl View {
    fn width(self) -> u64 {
        match self {
            Self::Wide => 1280,
            Self::DarkPhone => 390,
            Self::Paper => 700,
        }
    }

    /// The page with its media queries written for the view.
    fn of(self, page: &str) -> String {
        let (dark, light) = ("@media (prefers-color-scheme: dark)", "@media not all");
        assert!(page.contains(dark) && page.contains("@media print") && page.contains("@media screen"));
        match self {
            Self::Wide => page.replace(dark, light),
            Self::DarkPhone => page.replace(dark, "@media all"),
            Self::Paper => {
                page.replace(dark, light).replace("@media screen", light).replace("@media print", "@media all")
            }
        }
    }
}

/// The browser, if there is one; if not, says so.
fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("OFFCUT_CHROMIUM").map(PathBuf::from);
    let folders = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let found = folders
        .into_iter()
        .flatten()
        .flat_map(|folder| ["chromium", "chromium-browser", "google-chrome"].map(|program| folder.join(program)));
    let browser = named.into_iter().chain(found).find(|program| program.is_file());
    if browser.is_none() {
        eprintln!("SKIPPED: no Chromium, so no report was looked at in a browser (Debian: apt-get install chromium).");
    }
    browser
}

/// What `check.js` finds in a page.
fn findings(chromium: &Path, page: &str, view: View) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("frame.html");
    let errors = "<script>window.reported = [];\
        addEventListener('error', event => reported.push('error: ' + event.message));\
        console.error = (...words) => reported.push('console: ' + words.join(' '));</script>";
    let check = format!("<script>{}</script></body>", include_str!("browser/check.js"));
    let page = view.of(page).replacen("<head>", &format!("<head>{errors}"), 1).replace("</body>", &check);
    std::fs::write(folder.path().join("page.html"), page).expect("a page");
    // No window is narrower than 500 px, but a frame is.
    let frame = format!(
        "<body><iframe src='page.html' width='{}' height='900' style='border: 0'></iframe><script>onmessage = event => {{\
         const list = document.createElement('pre'); list.id = 'findings'; list.textContent = event.data;\
         document.body.append(list); }}</script></body>",
        view.width()
    );
    std::fs::write(&copy, frame).expect("a page");
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .args(["--virtual-time-budget=20000", "--window-size=1300,950"])
        .arg(format!("file://{}", copy.display()))
        .stdin(Stdio::null())
        .output()
        .expect("Chromium starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let found = text.rsplit_once("<pre id=\"findings\">").and_then(|(_, rest)| rest.split("</pre>").next());
    let found = found.unwrap_or_else(|| panic!("the check did not end: {}", String::from_utf8_lossy(&output.stderr)));
    let found = found.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let (width, findings): (u64, Vec<String>) = serde_json::from_str(&found).expect("a list");
    assert_eq!(width, view.width(), "the page is as wide as it was asked to be");
    findings
}

/// What is missing or cut when a page is printed to PDF; none if there is no pdftotext.
fn cut_in_print(chromium: &Path, page: &str) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().expect("a folder");
    let (html, pdf) = (folder.path().join("page.html"), folder.path().join("page.pdf"));
    std::fs::write(&html, page).expect("a page");
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .args(["--virtual-time-budget=20000", "--no-pdf-header-footer"])
        .arg(format!("--print-to-pdf={}", pdf.display()))
        .arg(format!("file://{}", html.display()))
        .stdin(Stdio::null())
        .output()
        .expect("Chromium starts");
    assert!(pdf.is_file(), "no PDF: {}", String::from_utf8_lossy(&output.stderr));
    let Ok(words) = Command::new("pdftotext").arg("-bbox").arg(&pdf).arg("-").output() else {
        eprintln!("SKIPPED: no pdftotext, so no printed report was looked at (Debian: apt-get install poppler-utils).");
        return None;
    };
    let words = String::from_utf8_lossy(&words.stdout).into_owned();
    let number = |line: &str, name: &str| -> f64 {
        let text = line.split_once(&format!("{name}=\"")).and_then(|(_, rest)| rest.split('"').next());
        text.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{name} in {line}"))
    };
    let (mut wrong, mut printed, mut width, mut pages) = (Vec::new(), std::collections::HashSet::new(), 0.0, 0);
    for line in words.lines().map(str::trim) {
        if line.starts_with("<page ") {
            (width, pages) = (number(line, "width"), pages + 1);
        } else if line.starts_with("<word ") {
            let text = line.split_once('>').map_or("", |(_, rest)| rest.trim_end_matches("</word>"));
            if number(line, "xMin") < 0.0 || number(line, "xMax") > width {
                wrong.push(format!("'{text}' lies beyond page {pages}"));
            }
            printed.insert(text.trim_end_matches('\u{2020}').to_owned());
        }
    }
    assert!(pages > 0, "pages: {words}");
    // Short cells are not broken over lines.
    let cells = page.split("<td ").skip(1).filter_map(|rest| rest.split_once('>')?.1.split('<').next());
    let short = cells.filter(|text| (1..12).contains(&text.len()) && !text.contains([' ', '&', '-', ':']));
    for text in short.collect::<std::collections::BTreeSet<_>>() {
        if !printed.contains(text) {
            wrong.push(format!("the cell '{text}' is not printed"));
        }
    }
    Some(wrong)
}

/// What has its row is not run again; a torn last line is, and nothing else.
fn certifies_and_resumes(demo: &Path) {
    let again = || offcut(demo.parent().expect("a folder")).args(["demo", "--folder", "demo"]).assert().success();
    let file = |problem: &str| demo.join(problem).join("rows.jsonl");
    let rows = |problem: &str| std::fs::read_to_string(file(problem)).expect("there");
    let before: Vec<(&str, String)> = ["multiuser", "throughput"].map(|problem| (problem, rows(problem))).into();
    for (_, before) in &before {
        assert!(before.lines().count() > 100);
        for line in before.lines() {
            let row: serde_json::Value = serde_json::from_str(line).expect("a row");
            let status = row["status"].as_str().expect("a status");
            assert!(["feasible", "optimal-certified", "optimal-claimed"].contains(&status), "{row}");
        }
    }
    again().stderr(contains("0 to run"));
    for (problem, before) in &before {
        assert_eq!(rows(problem), *before);
        std::fs::write(file(problem), &before[..before.len() - 40]).expect("room");
    }
    again().stderr(contains("1 to run"));
    for (problem, before) in &before {
        assert_eq!(rows(problem).lines().count(), before.lines().count());
    }
}

#[test]
fn the_demo_certifies_resumes_and_its_reports_are_whole_in_a_browser() {
    let folder = tempfile::tempdir().expect("a folder");
    offcut(folder.path()).args(["demo", "--folder", "demo"]).assert().success().stdout(contains("report"));
    let demo = folder.path().join("demo");
    certifies_and_resumes(&demo);
    let Some(chromium) = chromium() else { return };
    let mut wrong = Vec::new();
    for part in ["report", "multiuser/report", "throughput/report", "jpdra/report", "lymdo/report"] {
        let place = demo.join(part);
        let page = std::fs::read_to_string(place.join("report.html")).expect("a report");
        assert!(page.len() < 3_000_000, "{part}: {} bytes", page.len());
        // Links to files lead to files; the template writes slashes as references.
        let targets = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for target in targets.filter(|target| !target.starts_with('#')) {
            let target = target.replace("&#x2f;", "/");
            assert!(place.join(&target).is_file(), "{part}: {target}");
        }
        for view in [View::Wide, View::DarkPhone, View::Paper] {
            let found = findings(&chromium, &page, view);
            wrong.extend(found.into_iter().map(|finding| format!("{part}, {view:?}: {finding}")));
        }
        let cut = cut_in_print(&chromium, &page).unwrap_or_default();
        wrong.extend(cut.into_iter().map(|finding| format!("{part}, in print: {finding}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_cut_in_print_is_found() {
    let Some(chromium) = chromium() else { return };
    let page = |style: &str| {
        format!("<html><body><div style='{style}'><table><tr><td >alpha</td></tr></table></div></body></html>")
    };
    let Some(whole) = cut_in_print(&chromium, &page("")) else { return };
    assert!(whole.is_empty(), "{whole:?}");
    for style in ["position: absolute; left: -20px", "display: none"] {
        let cut = cut_in_print(&chromium, &page(style)).expect("as above");
        assert!(!cut.is_empty(), "{style}");
    }
}

#[test]
fn what_is_wrong_with_a_page_is_found() {
    let Some(chromium) = chromium() else { return };
    let page = "<html><head><style>@media print {} @media screen {} @media (prefers-color-scheme: dark) {}</style></head><body>\
        <nav id=contents></nav><div id=tip hidden></div>\
        <p style='color: #999; background: #fff'>faint</p><a href='#nowhere'>link</a>\
        <div style='width: 100px'><table><caption>wide</caption><thead><tr><th>95 % interval</th></tr></thead>\
        <tbody><tr><td style='white-space: nowrap'>10 to 2000000000000000000000000</td></tr><tr><td>9 to 20</td></tr></tbody></table></div>\
        <script>missing();</script></body></html>";
    let found = findings(&chromium, page, View::Wide).join("\n");
    for expected in
        ["missing is not defined", "is cut", "contrast of 2.85", "sorts to", "#nowhere", "nothing to point at"]
    {
        assert!(found.contains(expected), "{expected}: {found}");
    }
}
