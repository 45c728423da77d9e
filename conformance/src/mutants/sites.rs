//! Where in a chapter's text its mutants belong.

use super::MutantsError;
use std::collections::BTreeMap;
use std::ops::Range;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Places in one file, in bytes from its start.
#[derive(Debug, Default)]
pub struct Sites {
    /// By where an operator starts: the expression that may be read otherwise once the operator is another. `None` if
    /// there is a `let` in it, so that it is no expression that could stand elsewhere.
    pub operators: BTreeMap<usize, Option<Range<usize>>>,
    /// By where an arm of a match starts: where its pattern ends. Only for a match with an arm for all that is left.
    pub arms: BTreeMap<usize, usize>,
    /// The expression of operators that is being looked at.
    chain: Option<Range<usize>>,
}

impl Sites {
    /// The places of this text.
    ///
    /// # Errors
    /// When it is not Rust.
    pub fn of(file: &str, text: &str) -> Result<Sites, MutantsError> {
        let parsed = syn::parse_file(text).map_err(|error| MutantsError::Source(file.to_owned(), error.to_string()))?;
        let mut sites = Sites::default();
        sites.visit_file(&parsed);
        Ok(sites)
    }

    /// An operator in this expression, which belongs to the one around it if that is one of operators as well.
    fn operator(&mut self, operator: usize, whole: Range<usize>) {
        let chain = self.chain.clone().unwrap_or(whole);
        self.operators.insert(operator, Some(chain.clone()));
        self.chain = Some(chain);
    }
}

impl<'ast> Visit<'ast> for Sites {
    fn visit_expr(&mut self, expression: &'ast syn::Expr) {
        let outer = self.chain.clone();
        let whole = expression.span().byte_range();
        match expression {
            syn::Expr::Binary(binary) if lets(expression) => {
                self.operators.insert(binary.op.span().byte_range().start, None);
                self.chain = None;
            }
            syn::Expr::Binary(binary) => self.operator(binary.op.span().byte_range().start, whole),
            syn::Expr::Unary(unary) => self.operator(unary.op.span().byte_range().start, whole),
            syn::Expr::Cast(_) | syn::Expr::Reference(_) => {}
            _ => self.chain = None,
        }
        visit::visit_expr(self, expression);
        self.chain = outer;
    }

    fn visit_expr_match(&mut self, expression: &'ast syn::ExprMatch) {
        // An arm with a condition counts for nothing when the compiler asks whether every case has one.
        if expression.arms.iter().any(|arm| matches!(arm.pat, syn::Pat::Wild(_)) && arm.guard.is_none()) {
            let place = |arm: &syn::Arm| (arm.span().byte_range().start, arm.pat.span().byte_range().end);
            self.arms.extend(expression.arms.iter().map(place));
        }
        visit::visit_expr_match(self, expression);
    }
}

/// Whether it is a condition with a `let`: `a && let Some(b) = c`.
fn lets(expression: &syn::Expr) -> bool {
    match expression {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => lets(&binary.left) || lets(&binary.right),
        _ => false,
    }
}
